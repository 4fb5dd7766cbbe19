package main

import "fmt"

// line is a work and the two commands that do it. Each prints a JSON line with the seconds
// of a step; of a command that begins with "whole:" its own time counts, start and end included.
type line struct{ name, ours, theirs string }

// networks are what export.py writes, with the sides of the images they are measured on.
var networks = []struct {
	name  string
	sides []int
}{
	{"mobilenet_v2", []int{64, 224}}, {"mobilenet_v3_large", []int{64, 224}}, {"mobilenet_v3_small", []int{64}},
	{"mnasnet1_0", []int{64, 224}}, {"efficientnet_b0", []int{64, 224}}, {"efficientnet_v2_s", []int{224}},
	{"shufflenet_v2_x1_0", []int{64, 224}}, {"squeezenet1_1", []int{64, 224}}, {"googlenet", []int{64, 224}},
	{"inception_v3", []int{224}}, {"regnet_y_400mf", []int{64, 224}}, {"regnet_y_3_2gf", []int{224}},
	{"densenet121", []int{64, 224}}, {"resnet18", []int{64, 224}}, {"resnet50", []int{64, 224}},
	{"resnext50_32x4d", []int{224}}, {"vgg16", []int{224}}, {"convnext_tiny", []int{64, 224}}, {"swin_t", []int{224}},
	{"swin_v2_t", []int{224}}, {"vit_tiny", []int{64}}, {"vit_b_16", []int{224}}, {"maxvit_t", []int{224}},
}

// lines lists all works.
func lines() []line {
	var all []line
	add := func(name, ours, theirs string) { all = append(all, line{name, ours, theirs}) }
	for threads := 1; threads <= 2; threads++ {
		for _, n := range networks {
			for _, side := range n.sides {
				batch := 2
				if side == 64 {
					batch = 8
				}
				add(fmt.Sprintf("infer %s %d threads %d", n.name, side, threads),
					fmt.Sprintf("$MEMPROBE bench infer $MODELS/%s.onnx --shape %d,3,%d,%d --threads %d --steps 9", n.name, batch, side, side, threads),
					fmt.Sprintf("node $PEERS/ort_infer.js $MODELS/%s.onnx %d,3,%d,%d %d 9", n.name, batch, side, side, threads))
			}
		}
		for _, size := range [][2]int{{64, 32}, {16, 64}} {
			add(fmt.Sprintf("train resnet18 width %d threads %d", size[0], threads),
				fmt.Sprintf("$MEMPROBE bench train --arch resnet18 --stem small --width %d --batch %d --threads %d --steps 7", size[0], size[1], threads),
				fmt.Sprintf("/usr/bin/python3 $PEERS/torch_train.py --width %d --batch %d --threads %d --steps 7", size[0], size[1], threads))
		}
		for _, name := range []string{"mobilenet_v2", "shufflenet_v2_x1_0", "efficientnet_b0", "densenet121", "resnet50", "vit_tiny"} {
			add(fmt.Sprintf("train %s threads %d", name, threads),
				fmt.Sprintf("$MEMPROBE bench train --init $MODELS/%s-10.onnx --batch 8 --threads %d --steps 9", name, threads),
				fmt.Sprintf("/usr/bin/python3 $HERE/train_torch.py %s 8 %d 9", name, threads))
		}
		add(fmt.Sprintf("knn 50,000 x 10,000 x 512 threads %d", threads),
			fmt.Sprintf("$MEMPROBE bench knn --bank 50000 --queries 10000 --dim 512 --k 20 --threads %d", threads),
			fmt.Sprintf("/usr/bin/python3 $PEERS/knn.py --threads %d", threads))
	}
	for _, width := range []int{16, 64} {
		add(fmt.Sprintf("analyze width %d", width),
			fmt.Sprintf("whole: $MEMPROBE analyze $MODELS/analyze%d.onnx --data cifar10:$CIFAR --draws 1 --store none --quiet --out $OUT", width),
			fmt.Sprintf("/usr/bin/python3 $PEERS/analyze_torch.py --cifar $CIFAR --width %d", width))
	}
	return all
}
