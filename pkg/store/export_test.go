package store

// AtOnce is how many transactions may be under way at a time.
func (b *Batcher[In, Out]) AtOnce() int { return b.atOnce }

// Running is how many transactions are under way.
func (b *Batcher[In, Out]) Running() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.running
}
