package scan

import (
	"fmt"
	"math/bits"
	"testing"
)

func TestCount(t *testing.T) {
	docs := corpusDocs(t)
	var list [32]found
	var by [16]int
	examples := map[int]map[string]int{}
	total, blocks, runblocks, runbits, hitbits, atsigns := 0, 0, 0, 0, 0, 0
	for _, d := range docs {
		total += len(d)
		for from := 0; from < len(d); {
			n, upto := look(d, from, list[:])
			for _, s := range list[:n] {
				blocks++
				if s.runs != 0 {
					runblocks++
				}
				runbits += bits.OnesCount64(s.runs)
				hitbits += bits.OnesCount64(s.hits)
				for m := s.hits; m != 0; m &= m - 1 {
					p := s.block + bits.TrailingZeros64(m)
					if p+2 >= len(d) {
						continue
					}
					h := classes[0][d[p]] & classes[1][d[p+1]] & classes[2][d[p+2]]
					if h&(hitAt|hit40|hit64|hitName|hitWide) != 0 && isAtSign(d, p, h) {
						atsigns++
					}
					for k := range 16 {
						if h>>k&1 != 0 {
							by[k]++
							if examples[k] == nil {
								examples[k] = map[string]int{}
							}
							examples[k][string(d[p:p+3])]++
						}
					}
				}
			}
			from = upto
		}
	}
	mb := float64(total) / (1 << 20)
	fmt.Printf("per MB: blocks listed %.0f of 16384, with runs %.0f, run bits %.0f, hit bits %.0f, at-signs %.1f; per doc %d bytes\n", float64(blocks)/mb, float64(runblocks)/mb, float64(runbits)/mb, float64(hitbits)/mb, float64(atsigns)/mb, total/len(docs))
	names := []string{"At", "40", "64", "Name", "CF", "Wide", "Hex", "inBase64", "B0", "B1", "B2", "Key", "Keys", "Phone", "Tel", "dense"}
	for k, n := range by {
		top := ""
		for range 8 {
			best := ""
			for e, c := range examples[k] {
				if best == "" || c > examples[k][best] {
					best = e
				}
			}
			top += fmt.Sprintf(" %q:%.0f", best, float64(examples[k][best])/mb)
			delete(examples[k], best)
		}
		fmt.Printf("%-9s %8.1f %s\n", names[k], float64(n)/mb, top)
	}
}
