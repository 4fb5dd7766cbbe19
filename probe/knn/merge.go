package knn

import "fmt"

// Merge returns the k nearest of both: nb, which may be nil, are neighbours of
// the same queries in the rows before offset of a bank, next those in the rows
// from offset on, counted from 0. There are fewer than k where both together have
// fewer.
func (nb *Neighbors) Merge(next *Neighbors, offset, k int) (*Neighbors, error) {
	if nb == nil {
		nb = &Neighbors{Queries: next.Queries}
	}
	if nb.Queries != next.Queries {
		return nil, fmt.Errorf("knn: neighbours of %d and of %d queries, want the same", nb.Queries, next.Queries)
	}
	out := &Neighbors{Queries: nb.Queries, K: min(k, nb.K+next.K)}
	for i := range nb.Queries {
		ai, ad := nb.Row(i)
		bi, bd := next.Row(i)
		for range out.K {
			// Of equal distances nb's rows come first: theirs are smaller.
			if len(bi) == 0 || len(ai) > 0 && ad[0] <= bd[0] {
				out.Index, out.Distance = append(out.Index, ai[0]), append(out.Distance, ad[0])
				ai, ad = ai[1:], ad[1:]
				continue
			}
			out.Index, out.Distance = append(out.Index, bi[0]+int32(offset)), append(out.Distance, bd[0])
			bi, bd = bi[1:], bd[1:]
		}
	}
	return out, nil
}
