package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"memprobe/train/dataset"
)

var dataCardCommand = command{
	name: "data card", args: "SPEC", about: "a card of a set, as JSON-LD in the words of schema.org",
	example: "memprobe data card cifar10 > cifar10.jsonld",
	setup: func(f *pflag.FlagSet) func(context.Context, []string, streams) error {
		var o dataset.Options
		f.IntVar(&o.TrainLimit, "train-limit", 0, "class-balanced subset of the training images; 0: all")
		f.IntVar(&o.TestLimit, "test-limit", 0, "class-balanced subset of the test images; 0: all")
		f.Uint64Var(&o.Seed, "subset-seed", 0, "of the subsets")
		return func(ctx context.Context, args []string, std streams) error {
			if len(args) != 1 {
				return usagef("want one SPEC, got %d arguments", len(args))
			}
			if o.TrainLimit < 0 || o.TestLimit < 0 {
				return usagef("--train-limit %d, --test-limit %d: want 0 or more", o.TrainLimit, o.TestLimit)
			}
			set, err := dataset.Open(ctx, args[0], o)
			if err != nil {
				return err
			}
			defer set.Close()
			return printJSON(std, cardOf(set))
		}
	},
}

// card is a Dataset of schema.org. What is not known is absent.
type card struct {
	Context     string     `json:"@context"`
	Type        string     `json:"@type"`
	Name        string     `json:"name"`
	Description string     `json:"description"`
	URL         string     `json:"url,omitempty"`
	Licence     string     `json:"license,omitempty"`
	Citation    string     `json:"citation,omitempty"`
	Identifier  string     `json:"identifier"` // fingerprint of pixels and labels
	Size        string     `json:"size"`
	Properties  []property `json:"additionalProperty"`
}

// property is a PropertyValue of schema.org.
type property struct {
	Type  string `json:"@type"`
	Name  string `json:"name"`
	Value any    `json:"value"`
}

func cardOf(s *dataset.Set) *card {
	i := describeSet(s)
	c := &card{Context: "https://schema.org/", Type: "Dataset", Name: i.Name, Identifier: i.Fingerprint,
		Size:        fmt.Sprintf("%d training and %d test images", i.Train.Images, i.Test.Images),
		Description: fmt.Sprintf("%d classes: %s", len(i.Classes), strings.Join(i.Classes, ", "))}
	for _, e := range dataset.List(nil) {
		if e.Name == i.Name {
			c.Description = e.Title + ". " + c.Description
		}
	}
	if source, ok := dataset.SourceOf(i.Name); ok {
		c.URL, c.Citation = source.URL, source.Citation
		if source.Licence != "" {
			c.Licence = "https://spdx.org/licenses/" + source.Licence
		}
	}
	for _, p := range []property{
		{Name: "specification", Value: i.Spec}, {Name: "shape of an image, [C,H,W]", Value: i.Shape},
		{Name: "pixels", Value: i.Pixels},
		{Name: "training images", Value: i.Train.Images},
		{Name: "training images of the smallest and the largest class", Value: []int{i.Train.Smallest, i.Train.Largest}},
		{Name: "test images", Value: i.Test.Images},
		{Name: "test images of the smallest and the largest class", Value: []int{i.Test.Smallest, i.Test.Largest}},
		{Name: "mean of the training pixels by channel", Value: i.Mean},
		{Name: "standard deviation of the training pixels by channel", Value: i.Std},
		{Name: "notes", Value: i.Notes},
	} {
		p.Type = "PropertyValue"
		c.Properties = append(c.Properties, p)
	}
	return c
}
