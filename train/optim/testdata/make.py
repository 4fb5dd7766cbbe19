"""Writes torch.json: steps and schedules of PyTorch 1.13 that the tests of optim compare with."""
import torch, json
torch.manual_seed(0)
W=[torch.randn(3,4),torch.randn(5)]; G=[[torch.randn(3,4)*0.5,torch.randn(5)*0.5] for _ in range(6)]
out={"weights":[w.flatten().tolist() for w in W],"shapes":[[3,4],[5]],"grads":[[g.flatten().tolist() for g in gs] for gs in G],"cases":[]}
def run(name,make,clip=0,settings=None):
    ps=[w.clone().requires_grad_() for w in W]; o=make(ps)
    for gs in G:
        for p,g in zip(ps,gs): p.grad=g.clone()
        if clip: torch.nn.utils.clip_grad_norm_(ps,clip)
        o.step()
    out["cases"].append({"name":name,"settings":settings,"final":[p.detach().flatten().tolist() for p in ps]})
O=torch.optim
run("sgd",lambda p:O.SGD(p,0.1),0,dict(Optimizer="sgd"))
run("momentum",lambda p:O.SGD(p,0.1,momentum=.9,weight_decay=.01),0,dict(Optimizer="sgd",Momentum=.9,WeightDecay=.01))
run("nesterov clipped",lambda p:O.SGD(p,0.1,momentum=.9,weight_decay=.01,nesterov=True),1.0,dict(Optimizer="sgd",Momentum=.9,WeightDecay=.01,Nesterov=True,ClipNorm=1.0))
run("adam",lambda p:O.Adam(p,0.1,betas=(.8,.95),eps=1e-6,weight_decay=.1),0,dict(Optimizer="adam",Beta1=.8,Beta2=.95,Eps=1e-6,WeightDecay=.1))
run("adamw clipped",lambda p:O.AdamW(p,0.1,weight_decay=.1),0.5,dict(Optimizer="adamw",Beta1=.9,Beta2=.999,Eps=1e-8,WeightDecay=.1,ClipNorm=.5))
# LARS written out: the scaled gradient goes through PyTorch's SGD
ps=[w.clone().requires_grad_() for w in W]; o=O.SGD(ps,0.1,momentum=.9)
for gs in G:
    for p,g in zip(ps,gs):
        p.grad=g.clone()
        if p.dim()>1:
            n,m=p.detach().norm(),g.norm(); p.grad=(g+.01*p.detach())*(.02*n/(m+.01*n))
    o.step()
out["cases"].append({"name":"lars","settings":dict(Optimizer="lars",Momentum=.9,WeightDecay=.01,Trust=.02),"final":[p.detach().flatten().tolist() for p in ps]})
p=torch.zeros(1,requires_grad=True)
def lrs(make,n=12):
    o=O.SGD([p],.3); s=make(o); r=[]
    for _ in range(n): r.append(o.param_groups[0]["lr"]); o.step(); s.step()
    return r
S=O.lr_scheduler
out["cosine"]=lrs(lambda o:S.CosineAnnealingLR(o,12,eta_min=.03))
out["step"]=lrs(lambda o:S.StepLR(o,4,gamma=.1))
out["warmup cosine"]=lrs(lambda o:S.SequentialLR(o,[S.LinearLR(o,start_factor=1/4,end_factor=1,total_iters=3),S.CosineAnnealingLR(o,8)],milestones=[4]))
json.dump(out,open("torch.json","w"))
