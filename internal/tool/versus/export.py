#!/usr/bin/python3
"""Writes torchvision's networks as ONNX files, with random weights and statistics: export.py DIR [NAME ...].
Without names, all that `versus` measures. NAME-10 has ten classes. Needs torch, torchvision and onnx."""
import os
import sys
import torch
import torchvision

NETWORKS = """mobilenet_v2 mobilenet_v3_small mobilenet_v3_large mnasnet1_0 efficientnet_b0 efficientnet_v2_s
shufflenet_v2_x1_0 squeezenet1_1 googlenet inception_v3 regnet_y_400mf regnet_y_3_2gf densenet121 resnet18 resnet50
resnext50_32x4d vgg16 convnext_tiny swin_t swin_v2_t vit_b_16 vit_tiny maxvit_t""".split()
TRAINED = "mobilenet_v2 shufflenet_v2_x1_0 efficientnet_b0 densenet121 resnet50 vit_tiny".split()
FIXED = {"swin_t", "swin_v2_t", "maxvit_t"}  # the tracer takes their batch for a constant


def build(name, side, classes=1000):
    """The network without dropout, which has no part in what is measured."""
    models = torchvision.models
    if name == "vit_tiny":
        return models.VisionTransformer(side, 16, 12, 3, 192, 768, num_classes=classes)
    more = {}
    if name in ("googlenet", "inception_v3"):
        more = {"init_weights": False, "aux_logits": name != "googlenet"}
    model = getattr(models, name)(weights=None, num_classes=classes, **more)
    for part in model.modules():
        if isinstance(part, torch.nn.Dropout):
            part.p = 0.0
        if isinstance(part, torchvision.ops.StochasticDepth):
            part.p = 0.0
    return model


def main():
    # Swin-V2 sets the bias of its keys to 0 in place, which PyTorch 1.13 cannot write; it is 0 at the start.
    torch.onnx.register_custom_op_symbolic("aten::zero", lambda g, x: g.op("Identity", x), 13)
    where, names = sys.argv[1], sys.argv[2:] or NETWORKS + [n + "-10" for n in TRAINED]
    os.makedirs(where, exist_ok=True)
    for full in names:
        name, _, classes = full.partition("-")
        torch.manual_seed(0)
        side = 64 if name == "vit_tiny" or classes else 224
        model = build(name, side, int(classes or 1000)).eval()
        for part in model.modules():
            if isinstance(part, torch.nn.BatchNorm2d) and not classes:
                part.running_mean.normal_(0, 0.1)
                part.running_var.uniform_(0.5, 1.5)
        for key, value in model.named_parameters():
            if name == "swin_v2_t" and key.endswith("qkv.bias"):
                value.data.zero_()
        axes = {} if name in FIXED else {"input": {0: "N"}}
        torch.onnx.export(model, torch.randn(2, 3, side, side), f"{where}/{full}.onnx", opset_version=13,
                          input_names=["input"], output_names=["logits"], dynamic_axes=axes)
        print(full, flush=True)


if __name__ == "__main__":
    main()
