"""English: grammatical sentences about people, things and places; no two words sound alike.

A name in capitals is a rule, anything else a word. Each rule deals its alternatives like a
shuffled deck.
"""

GRAMMAR = """
SENTENCE = PERSON DOES THING | PERSON DOES THING WHERE | WHEN PERSON DOES THING
    | PEOPLE DO THING | PEOPLE DO THING WHERE | WHEN PEOPLE DO THINGS
    | PERSON DID THING PAST | PEOPLE DID THINGS PAST | PERSON DID THINGS WHERE
    | ANYBODY MAY DO THING | ANYBODY MAY DO THINGS WHERE | MAY ANYBODY DO THING FUTURE
    | PERSON MOVES WHERE WHEN | PEOPLE MOVE WHERE WHEN | ANYBODY MAY MOVE WITH PERSON
    | PERSON EATS FOOD and FOOD WHEN | PEOPLE EAT FOOD with FOOD WHEN | PERSON EATS FOOD WHERE
    | ITEM is WHERE | ITEMS are WHERE | ITEM is ADJECTIVE but ITEM is ADJECTIVE
    | PERSON has THING and THING | PEOPLE have NUMBER PLURAL WHERE | PERSON has NUMBER PLURAL
    | PERSON does not DO THING | PEOPLE do not DO THINGS | PERSON does not EAT FOOD WHEN
    | where is ITEM | who DOES THING WHERE | ITEMS are ADJECTIVE and ADJECTIVE
    | NUMBER BEINGS MOVE WHERE | NUMBER BEINGS DO THING | PERSON and PERSON DO THING WHEN
    | PERSON DOES THING because PERSON is FEELING | PERSON is FEELING and MOVES WHERE
    | last DAY PERSON DID THING | PERSON MOVES on DAY

PERSON = NAME | NAME | NAME | he | she | my BEING | your BEING | the BEING | the MOOD BEING
PEOPLE = we | they | you | i | the BEINGS | his BEINGS | the MOOD BEINGS | NAME and NAME
ANYBODY = PERSON | PEOPLE
WITH = with | near | behind
NAME = anna | peter | maria | david | helen | thomas | sarah | oliver | julia | martin | emma
    | victor | laura | simon | clara | henry
BEING = teacher | doctor | farmer | driver | student | baker | painter | singer | sister | brother
    | mother | father | uncle | neighbor | captain | nurse | girl | boy | dog | cat | horse
BEINGS = teachers | doctors | farmers | drivers | students | painters | sisters | brothers
    | neighbors | girls | boys | dogs | cats | horses | children | women | rabbits | chickens
MOOD = hungry | happy | tired | young | tall | quiet | lucky | famous | friendly | angry
FEELING = hungry | happy | tired | young | tall | quiet | lucky | famous | friendly | angry
    | afraid

THING = a NOUN | a NOUN | a QUALITY NOUN | an OPENING NOUN | an VOWEL | the NOUN | the NOUN
    | her NOUN | his QUALITY NOUN | my NOUN | this NOUN | that NOUN | every QUALITY NOUN
THINGS = NUMBER PLURAL | NUMBER QUALITY PLURAL | the PLURAL | some PLURAL | many PLURAL
    | these PLURAL | her PLURAL
ITEM = the NOUN | the QUALITY NOUN | my NOUN | your NOUN | this NOUN
ITEMS = the PLURAL | my PLURAL | these QUALITY PLURAL | his PLURAL | the NUMBER PLURAL
NOUN = book | table | window | letter | ticket | bottle | jacket | hat | basket | blanket | guitar
    | camera | hammer | ladder | mirror | pencil | picture | pillow | shirt | spoon | candle
    | bicycle | clock | key | lamp | map | box | cup | chair | bag | knife | newspaper | radio
VOWEL = apple | umbrella | orange | egg | elephant | envelope
PLURAL = books | tables | windows | letters | tickets | bottles | jackets | hats | baskets
    | blankets | guitars | cameras | ladders | mirrors | pencils | pictures | shirts | spoons
    | candles | clocks | keys | lamps | maps | boxes | cups | chairs | bags | knives | apples
    | umbrellas | oranges | eggs | potatoes | flowers
QUALITY = small | big | new | red | blue | green | yellow | black | white | heavy | broken | clean
    | cheap | wooden | golden | beautiful | soft | round
OPENING = old | empty | expensive | ugly
ADJECTIVE = QUALITY | OPENING
NUMBER = two | three | four | five | six | seven | eight | nine | ten | eleven | twelve | twenty
    | thirty | forty | fifty | a hundred

DOES = buys | sees | finds | wants | likes | carries | opens | washes | holds | paints | breaks
    | sells | needs | brings | takes | drops | hides | cleans | forgets | remembers | borrows
DO = buy | see | find | want | like | carry | open | wash | hold | paint | break | sell | need
    | bring | take | drop | hide | clean | forget | remember | borrow
DID = bought | found | lost | carried | painted | sold | opened | dropped | forgot | followed
    | watched | brought | took | wanted | liked | washed | broke
MAY = can | will | must | should | may
MOVES = sleeps | sings | dances | laughs | waits | works | runs | swims | smiles | plays | walks
MOVE = sleep | sing | dance | laugh | wait | work | run | swim | smile | play | walk
EATS = eats | cooks | orders | loves | tastes
EAT = eat | cook | order | love | taste
FOOD = bread | cheese | soup | rice | honey | butter | sugar | salad | pizza | fish | cake
    | chocolate
    | coffee | milk | water | fruit

WHERE = in the PLACE | near the PLACE | behind the PLACE | at the STOP | beside the PLACE
    | under the bridge | from the STOP | between the PLACE and the PLACE | on the GROUND
PLACE = garden | kitchen | market | school | river | forest | village | city | library | hospital
    | office | island | park | church | castle | museum
STOP = station | airport | harbor | market | school | library | hospital | hotel
GROUND = mountain | street | island | beach | roof | floor
WHEN = every MOMENT | every MOMENT | in SEASON | at noon | at night | after lunch | before dinner
    | today | on DAY | in MONTH | in MONTH | again
MOMENT = morning | evening | afternoon | weekend | summer | winter
SEASON = summer | winter | spring | autumn
DAY = monday | tuesday | wednesday | thursday | friday | saturday | sunday
MONTH = january | february | april | june | july | august | september | october | november
    | december
PAST = yesterday | last week | last SEASON | last DAY | an hour ago
FUTURE = tomorrow | next week | next MONTH | next DAY
"""
