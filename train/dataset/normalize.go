package dataset

import (
	"fmt"
	"strconv"
	"strings"

	"memprobe/internal/kernel/vec"
)

// NoNormalization leaves pixels in [0,1].
const NoNormalization = "none"

// Normalize replaces each pixel v of an image [C,H,W] by (v − mean)/std of its
// channel, computed as v·(1/std) + (−mean/std) with one rounding of the sum. It is
// the one way that pixels are normalised, so that training and probing see the
// same bits. Without values it does nothing.
func Normalize(image, mean, std []float32) {
	if len(mean) == 0 {
		return
	}
	plane := len(image) / len(mean)
	for c := range mean {
		p := image[c*plane : (c+1)*plane]
		vec.Affine(p, p, 1/std[c], -mean[c]/std[c])
	}
}

// Normalization returns the mean and the standard deviation of each channel by
// which pixels v in [0,1] become (v − mean)/std: nil for "none", the published
// ones for "imagenet" and "cifar10", or "MEAN/STD", comma-separated numbers.
func Normalization(spec string, channels int) (mean, std []float32, err error) {
	if mean, std, err = parseNormalization(spec); err != nil || mean == nil {
		return nil, nil, err
	}
	if len(mean) != channels {
		return nil, nil, fmt.Errorf("%q has values for %d channels, the images have %d", spec, len(mean), channels)
	}
	return mean, std, nil
}

// CheckNormalization reports what is wrong with a normalisation, whatever the
// images.
func CheckNormalization(spec string) error {
	_, _, err := parseNormalization(spec)
	return err
}

func parseNormalization(spec string) (mean, std []float32, err error) {
	switch spec {
	case NoNormalization:
		return nil, nil, nil
	case "imagenet":
		return []float32{0.485, 0.456, 0.406}, []float32{0.229, 0.224, 0.225}, nil
	case "cifar10":
		return []float32{0.4914, 0.4822, 0.4465}, []float32{0.2470, 0.2435, 0.2616}, nil
	}
	m, s, ok := strings.Cut(spec, "/")
	if !ok {
		return nil, nil, fmt.Errorf("%q, want none, imagenet, cifar10 or MEAN/STD", spec)
	}
	if mean, err = numbers(m); err == nil {
		std, err = numbers(s)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%q: %w", spec, err)
	}
	if len(mean) != len(std) {
		return nil, nil, fmt.Errorf("%q has %d means and %d deviations", spec, len(mean), len(std))
	}
	for _, v := range std {
		if !(v > 0) {
			return nil, nil, fmt.Errorf("%q: a deviation is not positive", spec)
		}
	}
	return mean, std, nil
}

func numbers(s string) ([]float32, error) {
	var out []float32
	for _, part := range strings.Split(s, ",") {
		v, err := strconv.ParseFloat(part, 32)
		if err == nil && v-v != 0 {
			err = fmt.Errorf("%s is not finite", part)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, float32(v))
	}
	return out, nil
}
