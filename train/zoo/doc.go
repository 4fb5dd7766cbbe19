// Package zoo builds the networks that memprobe trains, as ONNX graphs: residual
// networks, VGG, a multilayer perceptron, a small convolutional network and a
// small vision transformer.
//
// Graphs are of opset 17 and in evaluation mode, with one input "input"
// [N,C,H,W], N symbolic, and one output "logits" [N,classes]. Initialisers are
// named and shaped as the state dictionary of the same network in torchvision
// (ResNet, VGG) or timm (ViT), so that they load there; tensors are named after
// the modules, as torch.fx does. The encoder's output is the tensor "embedding",
// which metadata name too. After it comes a linear classifier, or the projector of
// Anagnostidis et al. 2023: Linear, ReLU, Linear, without biases.
//
// Convolutions start normal with variance 2/fan-out (He et al. 2015), linear
// layers as PyTorch's, normalisations at scale 1 and bias 0. Every initialiser is
// a function of the seed and of its place in the file.
package zoo
