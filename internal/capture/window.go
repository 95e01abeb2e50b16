package capture

import "io"

const chunk = 64 << 10 // bytes that are read at a time

// window is the unread beginning of a stream, as far as somebody needed to look. What it returns is valid until the next
// call of need.
type window struct {
	r        io.Reader
	space    []byte
	from, to int   // space[from:to] is unread
	at       int64 // offset of space[from] in the stream
	err      error // what ended r; nothing is read until it is cleared
}

// need returns what is unread: at least n bytes, unless the stream ends before.
func (w *window) need(n int) []byte {
	for empty := 0; w.to-w.from < n && w.err == nil; {
		if w.to == len(w.space) {
			w.makeRoom()
		}
		var got int
		got, w.err = w.r.Read(w.space[w.to:])
		w.to += got
		if empty++; got > 0 {
			empty = 0
		} else if empty == 100 && w.err == nil {
			w.err = io.ErrNoProgress
		}
	}
	return w.space[w.from:w.to]
}

// makeRoom moves what is unread to the front, or takes twice the space. It moves at most four times as much as was
// read since the last time, so that the work stays in proportion.
func (w *window) makeRoom() {
	space := w.space
	if len(space) == 0 || w.from < len(space)/4 {
		space = make([]byte, max(2*len(space), chunk))
	}
	w.to = copy(space, w.space[w.from:w.to])
	w.from, w.space = 0, space
}

// take goes on by n bytes of what need returned.
func (w *window) take(n int) {
	w.from += n
	w.at += int64(n)
}
