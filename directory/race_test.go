//go:build race

package directory

// raced: under the race detector sync.Pool forgets at random, so allocations cannot be counted.
const raced = true
