package ws

// Payload is the message inside the frame, for receivers that are not WebSockets of this package. It must not be changed.
func (f *Frame) Payload() []byte {
	switch n := f.wire[1]; n {
	case 126:
		return f.wire[4:]
	case 127:
		return f.wire[10:]
	default:
		return f.wire[2:]
	}
}
