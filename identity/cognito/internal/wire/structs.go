package wire

import (
	"fmt"
	"reflect"
	"strings"
)

// structsText prints a list of structures as the service does in messages:
// with the name of the shape and all members in the order of the model, null
// where one is not there. hidden is true if a member is a secret, which must not
// be repeated.
func structsText[T any](list []T) (text string, hidden bool) {
	p := structPrinter{}
	p.value(reflect.ValueOf(list))
	return p.String(), p.hidden
}

// A structPrinter collects the text of a value, up to a little over maxEcho.
type structPrinter struct {
	strings.Builder
	hidden bool
}

var secretType = reflect.TypeFor[Secret]()

func (p *structPrinter) value(v reflect.Value) {
	if p.Len() > maxEcho {
		return
	}
	switch {
	case v.Type() == secretType:
		p.hidden = true
	case v.Kind() == reflect.Pointer && v.IsNil(), v.Kind() == reflect.Slice && v.IsNil():
		p.WriteString("null")
	case v.Kind() == reflect.Pointer:
		p.value(v.Elem())
	case v.Kind() == reflect.Slice:
		p.list(v)
	case v.Kind() == reflect.Struct:
		p.structure(v)
	default:
		fmt.Fprint(p, v.Interface())
	}
}

func (p *structPrinter) list(v reflect.Value) {
	p.WriteByte('[')
	for i := range v.Len() {
		if i > 0 {
			p.WriteString(", ")
		}
		p.value(v.Index(i))
	}
	p.WriteByte(']')
}

func (p *structPrinter) structure(v reflect.Value) {
	p.WriteString(v.Type().Name() + "(")
	for i := range v.NumField() {
		if i > 0 {
			p.WriteString(", ")
		}
		p.WriteString(lowerFirst(v.Type().Field(i).Name) + "=")
		p.value(v.Field(i))
	}
	p.WriteByte(')')
}
