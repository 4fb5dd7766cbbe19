package ops

// families is the whole table: each file of operators contributes one list.
var families = [][]Def{
	defs(activations, functions), identities,
	binaries, legacies, casts, shapes, movement, scatters, lanes, places, convolutions, pools, globalPools, reductions, products, einsums, softmaxes, batchNorms, norms, sums, resampling, samplings,
	dropouts, losses, classLosses,
	bits, cumProds, eyes, reverses, quantizers, integerProducts, byteOps,
	centerCropPads, col2Ims, affineGrids, dets, signalWindows,
	attentions, tokens, recurrents, contribs, contribAttentions, nchwcs, linearAttentions, dataShaped, fouriers,
	sequences, loops, randoms, maxUnpools, roiAligns, deformConvs,
}
