package wire

import (
	"fmt"
	"io"
)

// WriteTable writes the operations as a table in Markdown: who calls each, and
// whether it is served. coming, unless it is nil, says what an operation that is not served belongs to.
func WriteTable(w io.Writer, operations []Operation, coming func(name string) string) error {
	text := "| Operation | Caller | Served |\n| --- | --- | --- |\n"
	for _, op := range operations {
		served := "not yet"
		switch {
		case op.Served():
			served = "yes"
		case coming != nil:
			served += ": " + coming(op.Name)
		}
		text += fmt.Sprintf("| `%s` | %s | %s |\n", op.Name, op.Caller, served)
	}
	_, err := io.WriteString(w, text)
	return err
}
