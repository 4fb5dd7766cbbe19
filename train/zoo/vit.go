package zoo

import (
	"fmt"
	"math"

	"memprobe/internal/tensor"
)

// spread is the standard deviation that transformers start with.
const spread = 0.02

// vit is a pre-norm vision transformer (Dosovitskiy et al. 2021) that averages its
// tokens instead of adding one for the class (Beyer et al. 2022). Heads have 64
// dimensions where the width allows.
func vit(depth int) part {
	return func(b *builder, x value) value {
		v := &transformer{builder: b, dim: b.spec.Width}
		for v.heads = max(1, v.dim/64); v.dim%v.heads != 0; v.heads-- {
		}
		x = v.embed(x)
		for i := range depth {
			name := fmt.Sprintf("blocks.%d", i)
			x = b.add(name+".add", x, v.attention(name+".attn", v.norm(name+".norm1", x)))
			x = b.add(name+".add_1", x, v.mlp(name+".mlp", v.norm(name+".norm2", x)))
		}
		x = v.norm("norm", x)
		return b.node("ReduceMean", "pool", []string{x.name}, []int{v.dim}, integers("axes", 1), integer("keepdims", 0))
	}
}

// transformer appends the parts of a vit. Its values are tokens [T,dim].
type transformer struct {
	*builder
	dim, heads, tokens int
}

// embed cuts the image into patches and adds each one's position.
func (v *transformer) embed(x value) value {
	patch := map[string]int{Small: 4, Medium: 8, ImageNet: 16}[v.spec.Stem]
	if (v.spec.H%patch != 0 || v.spec.W%patch != 0) && v.err == nil {
		v.err = fmt.Errorf("stem %s cuts patches of %dx%d, images are %dx%d", v.spec.Stem, patch, patch, v.spec.H, v.spec.W)
	}
	x = v.conv("patch_embed.proj", x, v.dim, window{patch, patch, 0}, true)
	v.tokens = x.shape[1] * x.shape[2]
	x = v.reshape("patch_embed.flatten", x, v.dim, v.tokens)
	x = v.transpose("patch_embed", x, 1, 0)
	position := v.param("pos_embed", normal(spread), 1, v.tokens, v.dim)
	return v.node("Add", "pos_drop", []string{x.name, position}, x.shape)
}

// reshape gives each sample another shape.
func (v *transformer) reshape(name string, x value, shape ...int) value {
	return v.node("Reshape", name, []string{x.name, v.shape(name+".shape", shape)}, shape)
}

// shape is a constant for Reshape: what is not fixed comes first.
func (v *transformer) shape(name string, rest []int) string {
	dims := []int64{-1}
	for _, d := range rest {
		dims = append(dims, int64(d))
	}
	return v.constant(name, tensor.From(dims, len(dims)))
}

// transpose permutes the axes of each sample.
func (v *transformer) transpose(name string, x value, perm ...int) value {
	axes, shape := []int{0}, make([]int, len(perm))
	for i, p := range perm {
		axes, shape[i] = append(axes, p+1), x.shape[p]
	}
	return v.node("Transpose", name, []string{x.name}, shape, integers("perm", axes...))
}

func (v *transformer) scalar(name string, c float64) string {
	return v.constant(name, tensor.From([]float32{float32(c)}))
}

func (v *transformer) norm(name string, x value) value {
	in := []string{x.name, v.param(name+".weight", always(1), v.dim), v.param(name+".bias", always(0), v.dim)}
	return v.node("LayerNormalization", name, in, x.shape, integer("axis", -1), float("epsilon", 1e-6))
}

// linear applies x·Wᵀ + bias to every token. All tokens are rows of one matrix, so
// that W [n,dim] is stored as PyTorch's.
func (v *transformer) linear(name string, x value, n int) value {
	k := x.shape[1]
	rows := v.node("Reshape", name+".rows", []string{x.name, v.shape(name+".rows.shape", []int{k})}, nil)
	in := []string{rows.name, v.param(name+".weight", normal(spread), n, k), v.param(name+".bias", always(0), n)}
	y := v.node("Gemm", name+".gemm", in, nil, integer("transB", 1))
	return v.reshape(name, y, v.tokens, n)
}

// attention is softmax(q·kᵀ/√d)·v for each head of d dimensions.
func (v *transformer) attention(name string, x value) value {
	d := v.dim / v.heads
	x = v.linear(name+".qkv", x, 3*v.dim)
	x = v.transpose(name+".heads", v.reshape(name+".split", x, v.tokens, 3, v.heads, d), 1, 2, 0, 3)
	part := func(i int, letter string) value {
		index := v.constant(name+"."+letter+".index", tensor.From([]int64{int64(i)}))
		return v.node("Gather", name+"."+letter, []string{x.name, index}, []int{v.heads, v.tokens, d}, integer("axis", 1))
	}
	query, key, content := part(0, "q"), v.transpose(name+".k_t", part(1, "k"), 0, 2, 1), part(2, "v")
	scale := v.scalar(name+".scale", 1/math.Sqrt(float64(d)))
	query = v.node("Mul", name+".q_scaled", []string{query.name, scale}, query.shape)
	maps := []int{v.heads, v.tokens, v.tokens}
	scores := v.node("MatMul", name+".scores", []string{query.name, key.name}, maps)
	weights := v.node("Softmax", name+".softmax", []string{scores.name}, maps, integer("axis", -1))
	y := v.node("MatMul", name+".mixed", []string{weights.name, content.name}, content.shape)
	y = v.reshape(name+".joined", v.transpose(name+".tokens", y, 1, 0, 2), v.tokens, v.dim)
	return v.linear(name+".proj", y, v.dim)
}

func (v *transformer) mlp(name string, x value) value {
	x = v.linear(name+".fc1", x, 4*v.dim)
	return v.linear(name+".fc2", v.gelu(name+".act", x), v.dim)
}

// gelu is x·½·(1 + erf(x/√2)), in the nodes that PyTorch exports.
func (v *transformer) gelu(name string, x value) value {
	y := v.node("Div", name+".div", []string{x.name, v.scalar(name+".sqrt2", math.Sqrt2)}, x.shape)
	y = v.node("Erf", name+".erf", []string{y.name}, x.shape)
	y = v.node("Add", name+".add", []string{y.name, v.scalar(name+".one", 1)}, x.shape)
	y = v.node("Mul", name+".mul", []string{x.name, y.name}, x.shape)
	return v.node("Mul", name, []string{y.name, v.scalar(name+".half", 0.5)}, x.shape)
}
