package main

// The generated Decode methods. Each is a loop over the members of an object, with
// a switch by name. Values are read by functions of package wire (wire.Str,
// wire.Structs and so on), which keep the first error; the generated code
// therefore checks none.

// decoders writes how requests are read. A structure that occurs as a member is
// read into a new value each time, so that of a member given twice the last one
// counts, and nothing of the first is left.
func (g *generator) decoders() error {
	g.use("wire")
	for _, name := range g.structures(g.in) {
		s := g.Shapes[name]
		g.printf("// Decode reads x from a request.\nfunc (x *%s) Decode(d *wire.Decoder) {\n", name)
		g.printf("for d.Object(); d.Next(); {\n")
		if len(s.Members) == 0 {
			g.printf("d.Skip()\n}\n}\n\n")
			continue
		}
		g.printf("switch string(d.Key()) {\n")
		for _, m := range s.Members {
			g.printf("case %q:\n", m.name)
			if t := g.Shapes[m.Shape]; t.Type == "structure" && !t.Document {
				g.printf("if x.%s = nil; d.Struct() {\nx.%s = new(%s)\nx.%s.Decode(d)\n}\n", m.field(), m.field(), m.Shape, m.field())
				continue
			}
			g.printf("x.%s = %s(d)\n", m.field(), g.reader(m.Shape, s.Sensitive))
		}
		g.printf("default:\nd.Skip()\n}\n}\n}\n\n")
	}
	return nil
}

// reader is the function that reads a value of a shape that is no structure.
// hidden says that the structure it is in is sensitive, which makes its strings
// secrets.
func (g *generator) reader(name string, hidden bool) string {
	s := g.Shapes[name]
	switch s.Type {
	case "list":
		return "wire." + g.collection("Strs", "Structs", s.Member.Shape, false)
	case "map":
		return "wire." + g.collection("StrMap", "StructMap", s.Value.Shape, s.Sensitive)
	case "blob":
		return "wire.Blob"
	case "boolean":
		return "wire.Bool"
	case "integer":
		return "wire.Int32"
	case "long":
		return "wire.Int64"
	case "timestamp":
		return "wire.Timestamp"
	case "string":
		return "wire.Str[" + g.valueType(name, hidden) + "]"
	case "structure": // a document: the others are read by their own Decode
		return "wire.Document"
	default:
		panic("gen: no reader for a " + s.Type) // checkShape lets no other type through
	}
}

// collection is the function for a list or a map: one for elements that are
// structures, one for strings. checkElements lets nothing else through.
func (g *generator) collection(strings, structures, element string, hidden bool) string {
	if g.Shapes[element].Type == "structure" {
		return structures + "[" + element + "]"
	}
	return strings + "[" + g.valueType(element, hidden) + "]"
}
