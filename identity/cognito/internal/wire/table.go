package wire

import (
	"fmt"
	"io"
)

// WriteTable writes the operations as a table in Markdown: who calls each, and
// whether it is served.
func WriteTable(w io.Writer, operations []Operation) error {
	text := "| Operation | Caller | Served |\n| --- | --- | --- |\n"
	for _, op := range operations {
		served := "not yet"
		if op.Served() {
			served = "yes"
		}
		text += fmt.Sprintf("| `%s` | %s | %s |\n", op.Name, op.Caller, served)
	}
	_, err := io.WriteString(w, text)
	return err
}
