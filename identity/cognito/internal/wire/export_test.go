package wire

// Parse reads body as a request for op and holds it against the model.
func Parse(body []byte, op Operation) error {
	if err := parse(body, op.Input(), invalidParameter); err != nil {
		return err
	}
	return nil
}

// ReadTimestamp reads a time from JSON.
func ReadTimestamp(text string) (*Time, error) {
	d := &Decoder{buf: []byte(text)}
	at := Timestamp(d)
	if d.err != nil {
		return nil, d.err
	}
	return at, nil
}
