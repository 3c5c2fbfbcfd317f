import time, sys
def test_probe(tiny_data, tiny_yaml):
    t=time.time()
    import torch
    from ds2kit import config as configs
    from ds2kit.registry import Toolkit
    print("torch", time.time()-t)
    cf=[m for n,m in sys.modules.items() if n.endswith("conftest") and hasattr(m,"_trained")][0]
    toolkit = Toolkit.installed()
    config = configs.load(tiny_yaml, toolkit)
    t=time.time(); model, losses=cf._trained(config, toolkit); print(time.time()-t)
    print([round(x,2) for x in losses[::5]])
