"""Mandarin: sentences about people, things and places, without homophones.

A name in capitals is a rule, anything else a word, as it is written and, after the slash, said.
Each rule deals its alternatives like a shuffled deck. A syllable with its tone belongs to one
character alone.
"""

GRAMMAR = """
SENTENCE = WHO VERB OBJECT | WHO WHEN VERB OBJECT | WHEN WHO WHERE DOING | WHO WHERE VERB OBJECT
    | WHO HAS COUNTED | WHO VERY MOOD | WHO VERY WEARY | OBJECT VERY QUALITY
    | WHO 的/de5 THING VERY QUALITY
    | WHO 不/bu4 LIKES OBJECT | WHO 也/ye3 LIKES OBJECT | WHO WANTS 去/qu4 PLACE DOING
    | WHO WANTS VERB COUNTED | WHO 跟/gen1 WHO DOING | WHEN WHO 没/mei2 有/you3 VERB OBJECT
    | WHO 和/he2 WHO 都/dou1 LIKES OBJECT | WHO TAKES TRAFFIC 去/qu4 PLACE | WHO LIKES DOING
    | 这/zhe4 是/shi4 WHO 的/de5 THING | 那/na4 不/bu4 是/shi4 WHO 的/de5 THING
    | PLACE 有/you3 COUNTED | WHO 给/gei3 WHO BRINGS COUNTED | WHO EATS 了/le5 FOOD 和/he2 FOOD
    | WHEN PLACE VERY WEATHER | WHO 从/cong2 PLACE 来/lai2 | WHO 住/zhu4 在/zai4 PLACE
    | THING 在/zai4 PLACE | 谁/shei2 WANTS VERB OBJECT | ANIMAL WHERE MOVES
    | WHO 很/hen3 爱/ai4 WHO
    | WHO KEEPS 了/le5 ANIMALS | WHO EATS FOOD 喝/he1 DRINK | WHO 的/de5 BODY VERY QUALITY
    | WHO WANTS VERB 什么/shen2me5 | WHO VERY WEARY WANTS REST | WHEN WHO VERY MOOD
    | WHO VERB 了/le5 COUNTED

WHO = 我/wo3 | 你/ni3 | 他/ta1 | 我们/wo3men5 | 你们/ni3men5 | 他们/ta1men5 | KIN | KIN | KIN
KIN = 爸爸/ba4ba5 | 妈妈/ma1ma5 | 姐姐/jie3jie5 | 妹妹/mei4mei5 | 爷爷/ye2ye5 | 奶奶/nai3nai5
    | 老师/lao3shi1 | 学生/xue2sheng1 | 朋友/peng2you5 | 孩子/hai2zi5 | 农民/nong2min2
    | 客人/ke4ren2 | 阿姨/a1yi2 | 护士/hu4shi5

WHEN = 今天/jin1tian1 | 明天/ming2tian1 | 昨天/zuo2tian1 | 早上/zao3shang4 | 晚上/wan3shang4
    | 春天/chun1tian1 | 秋天/qiu1tian1 | 冬天/dong1tian1 | 去年/qu4nian2 | 明年/ming2nian2
    | 现在/xian4zai4 | 每天/mei3tian1 | 刚才/gang1cai2 | 周末/zhou1mo4
WHERE = 在/zai4 PLACE
PLACE = 学校/xue2xiao4 | 公园/gong1yuan2 | 饭馆/fan4guan3 | 图书馆/tu2shu1guan3
    | 火车站/huo3che1zhan4 | 银行/yin2hang2 | 北京/bei3jing1 | 上海/shang4hai3
    | 山上/shan1shang4 | 海边/hai3bian1 | 城里/cheng2li3 | 厨房/chu2fang2 | 花园/hua1yuan2
    | 动物园/dong4wu4yuan2 | 广场/guang3chang3 | 宾馆/bin1guan3 | 房间/fang2jian1 | 楼下/lou2xia4
    | 农村/nong2cun1 | 森林/sen1lin2 | 家/jia1

VERB = 看/kan4 | 买/mai3 | 卖/mai4 | 找/zhao3 | 拿/na2 | 送/song4 | 借/jie4 | 用/yong4 | 带/dai4
    | 等/deng3 | 看见/kan4jian4 | 放/fang4 | 忘记/wang4ji4 | 丢/diu1 | 碰/peng4 | 推/tui1 | 拉/la1
    | 搬/ban1 | 扔/reng1 | 摸/mo1 | 数/shu3 | 准备/zhun3bei4 | 讨论/tao3lun4
LIKES = 喜欢/xi3huan1 | LIKES_TO VERB
LIKES_TO = 想/xiang3 | 喜欢/xi3huan1 | 会/hui4 | 敢/gan3
WANTS = 想/xiang3 | 要/yao4 | 能/neng2
HAS = 有/you3 | 看见/kan4jian4 | 没/mei2 有/you3
BRINGS = 买/mai3 | 送/song4 | 拿/na2 | 借/jie4
KEEPS = 养/yang3 | 找/zhao3 | 喂/wei4 | 追/zhui1
DOING = 唱歌/chang4ge1 | 游泳/you2yong3 | 睡觉/shui4jiao4 | 开车/kai1che1 | 爬山/pa2shan1
    | 读/du2 书/shu1 | 写/xie3 信/xin4 | 听/ting1 歌/ge1 | 说/shuo1 话/hua4 | 打/da3 球/qiu2
    | 练习/lian4xi2 中文/zhong1wen2 | 学习/xue2xi2 英文/ying1wen2 | 钓/diao4 鱼/yu2
    | 喝/he1 DRINK | 吃/chi1 FOOD | 打扫/da3sao3 房间/fang2jian1
    | 穿/chuan1 CLOTHES | 骑/qi2 马/ma3 | 切/qie1 FOOD
    | 煮/zhu3 FOOD | 炒/chao3 FOOD
REST = 回/hui2 家/jia1 | 睡觉/shui4jiao4 | 休息/xiu1xi5 | 走/zou3
WEARY = 累/lei4 | 忙/mang2 | 饿/e4 | 渴/ke3 | 困/kun4 | 难过/nan2guo4
MOOD = 高兴/gao1xing4 | 快乐/kuai4le4 | 矮/ai3 | 胖/pang4 | 瘦/shou4 | 聪明/cong1ming2
VERY = 很/hen3 | 太/tai4 | 真/zhen1 | 不/bu4 | 更/geng4

OBJECT = THING | THING | ANIMAL | FOOD | CLOTHES | 这/zhe4 COUNT THING | DESCRIBED
DESCRIBED = COLOUR 的/de5 THING | COLOUR 的/de5 CLOTHES | QUALITY 的/de5 THING
COUNTED = NUMBER 个/ge4 THING | NUMBER 只/zhi1 ANIMAL | NUMBER 条/tiao2 LONG
    | NUMBER 本/ben3 书/shu1
    | NUMBER 张/zhang1 FLAT | NUMBER 杯/bei1 DRINK | NUMBER 辆/liang4 汽车/qi4che1
COUNT = 个/ge4 | 些/xie1
NUMBER = 一/yi1 | 两/liang3 | 三/san1 | 四/si4 | 五/wu3 | 六/liu4 | 七/qi1 | 八/ba1 | 九/jiu3
    | 十/shi2 | 一百/yi1bai3
THING = 电话/dian4hua4 | 电脑/dian4nao3 | 电影/dian4ying3 | 报纸/bao4zhi3 | 桌子/zhuo1zi5
    | 杯子/bei1zi5 | 房子/fang2zi5 | 汽车/qi4che1 | 地图/di4tu2 | 照片/zhao4pian4 | 钱/qian2
    | 词典/ci2dian3 | 铅笔/qian1bi3 | 雨伞/yu3san3 | 足球/zu2qiu2 | 镜子/jing4zi5 | 盘子/pan2zi5
    | 牙刷/ya2shua1 | 窗户/chuang1hu5 | 床/chuang2 | 灯/deng1 | 刀/dao1 | 沙发/sha1fa1
    | 手表/shou3biao3 | 毯子/tan3zi5 | 锁/suo3 | 信/xin4 | 船/chuan2 | 木头/mu4tou2
LONG = 鱼/yu2 | 裤子/ku4zi5 | 裙子/qun2zi5 | 毯子/tan3zi5 | 狗/gou3
FLAT = 桌子/zhuo1zi5 | 照片/zhao4pian4 | 报纸/bao4zhi3 | 地图/di4tu2 | 床/chuang2
CLOTHES = 裤子/ku4zi5 | 裙子/qun2zi5 | 帽子/mao4zi5 | 鞋子/xie2zi5 | 袜子/wa4zi5 | 手套/shou3tao4
EATS = 吃/chi1 | 买/mai3 | 煮/zhu3 | 切/qie1
FOOD = 水果/shui3guo3 | 苹果/ping2guo3 | 米饭/mi3fan4 | 面条/mian4tiao2 | 鸡蛋/ji1dan4
    | 牛肉/niu2rou4 | 白菜/bai2cai4 | 糖/tang2 | 汤/tang1 | 面包/mian4bao1 | 葡萄/pu2tao5
    | 西瓜/xi1gua1 | 香蕉/xiang1jiao1 | 饺子/jiao3zi5 | 豆腐/dou4fu5
DRINK = 水/shui3 | 茶/cha2 | 牛奶/niu2nai3 | 咖啡/ka1fei1
ANIMAL = 狗/gou3 | 猫/mao1 | 马/ma3 | 老虎/lao3hu3 | 兔子/tu4zi5 | 猴子/hou2zi5
    | 大象/da4xiang4 | 鸟/niao3 | 牛/niu2 | 鸭子/ya1zi5 | 狼/lang2
ANIMALS = NUMBER 只/zhi1 ANIMAL | NUMBER 条/tiao2 狗/gou3
MOVES = 跑/pao3 | 跳/tiao4 | 哭/ku1 | 睡觉/shui4jiao4 | 站/zhan4 | 吃/chi1 草/cao3
BODY = 头/tou2 | 手/shou3 | 鼻子/bi2zi5 | 耳朵/er3duo5 | 嘴/zui3 | 脸/lian3 | 肚子/du4zi5
    | 腿/tui3
COLOUR = 红/hong2 | 黄/huang2 | 蓝/lan2 | 绿/lv4 | 白/bai2 | 黑/hei1 | 灰/hui1
QUALITY = 大/da4 | 小/xiao3 | 高/gao1 | 长/chang2 | 短/duan3 | 新/xin1 | 旧/jiu4 | 贵/gui4
    | 便宜/pian2yi5 | 漂亮/piao4liang5 | 好/hao3 | 重/zhong4 | 轻/qing1 | 冷/leng3 | 脏/zang1
WEATHER = 冷/leng3 | 热/re4 | 远/yuan3 | 近/jin4 | 暖/nuan3
TAKES = 坐/zuo4 | 开/kai1
TRAFFIC = 火车/huo3che1 | 汽车/qi4che1 | 船/chuan2
"""
