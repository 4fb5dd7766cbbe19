package ops

// families is the whole table: each file of operators contributes one list.
var families = [][]Def{
	defs(activations, functions), identities, clips, logics, predicates, casts, swiGLUs, pRelus,
	binaries, mods, pows, comparisons, variadics, wheres, legacies, bits,
	reshapes, shapes, constants, ranges, eyes,
	transposes, concats, splits, slicings, gathers, scatters, expands, tiles, trilus, depthToSpaces, paddings, reverses,
	centerCropPads, col2Ims, tensorScatters, oneHots,
	argMaxes, topKs, cumSums, cumProds, reductions, sums, softmaxes,
	convolutions, convTransposes, deformConvs, causalConvs, pools, lpPools, globalPools, maxUnpools, roiAligns,
	gemms, matMuls, products, einsums, dets,
	batchNorms, layerNorms, groupNorms, lpNorms, meanVariances, lrns,
	resizings, samplings, affineGrids, fouriers, signalWindows,
	dropouts, randoms, losses, classLosses,
	quantizers, integerProducts, byteQuantizers, bytePools, byteConvs, byteProducts,
	attentions, linearAttentions, rotaries, recurrents,
	contribs, contribAttentions, groupQueries, matMulNBits, contribQuantizers, nchwcs,
	nonZeros, uniques, compressions, suppressions, sequences, loops,
}
