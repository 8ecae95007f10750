package main

import (
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
)

// The generated table of operations. It binds the typed handlers to the wire, and
// has what the wire must know of each operation before it reads the body: who may
// call it, how long a request may be, and which errors it may answer.

// longestRequest is the limit of a request without binary data: room for two
// of the longest strings of the models.
const longestRequest = 256 << 10

// operationTable writes the table of handlers and what binds it to the wire. Specs
// are a variable and not part of the table: they are the same for every handler,
// so they are made once.
func (g *generator) operationTable() error {
	g.use("context")
	g.use("wire")
	g.printf("// Handlers are the handlers of the operations. One that is nil is not served yet.\ntype Handlers struct {\n")
	for _, name := range g.operations() {
		op := g.Operations[name]
		result := "error"
		if op.Output != nil {
			result = "(*" + op.Output.Shape + ", error)"
		}
		g.printf("%s func(context.Context, *%s) %s\n", name, op.Input.Shape, result)
	}
	g.printf("}\n\n")
	g.printf("// Operations lists all operations, by name, each with its handler. Nil is the same as no handlers.\n")
	g.printf("func Operations(h *Handlers) []wire.Operation {\nif h == nil {\nh = &Handlers{}\n}\nreturn []wire.Operation{\n")
	for i, name := range g.operations() {
		bind := "Bind"
		if g.Operations[name].Output == nil {
			bind = "BindEmpty"
		}
		g.printf("{Spec: &specs[%d], Call: wire.%s(h.%s)},\n", i, bind, name)
	}
	g.printf("}\n}\n\n")
	if err := g.serviceFunc(); err != nil {
		return err
	}
	return g.specs()
}

// serviceFunc writes the function that makes the service of the handlers. It fails
// on a protocol that package wire does not speak.
func (g *generator) serviceFunc() error {
	prefix, _ := g.Metadata["targetPrefix"].(string)
	if g.Metadata["protocol"] != "json" || g.Metadata["jsonVersion"] != "1.1" || prefix == "" {
		return fmt.Errorf("the protocol of the model is not understood")
	}
	g.printf("// Service is the service with these handlers.\nfunc Service(h *Handlers) *wire.Service {\nreturn &wire.Service{\n")
	g.printf("Name: %q,\nTargetPrefix: %q,\nValidationError: %q,\n", g.service, prefix, g.facts.ValidationError)
	g.printf("Exceptions: exceptions[:],\nOperations: Operations(h),\n}\n}\n\n")
	return nil
}

// specs writes what the model and the facts say of each operation. Errors are
// sorted, so that another order in the model changes nothing.
func (g *generator) specs() error {
	g.printf("var specs = [...]wire.Spec{\n")
	for _, name := range g.operations() {
		op := g.Operations[name]
		limit, err := g.maxBody(name)
		if err != nil {
			return err
		}
		g.printf("{Name: %q, Service: %q, Caller: wire.%s, MaxBody: %d, Errors: []string{", name, g.service, g.facts.caller(name), limit)
		var errs []string
		for _, e := range op.Errors {
			errs = append(errs, e.Shape)
		}
		slices.Sort(errs)
		for _, e := range errs {
			g.printf("%s, ", e)
		}
		g.printf("}, Input: func() wire.Request { return new(%s) }},\n", op.Input.Shape)
	}
	g.printf("}\n")
	return nil
}

// maxBody is how long a request for an operation may be, in bytes: what the facts
// say, or longestRequest, and room for binary data in base64. The model bounds no
// request as a whole. Binary data without a limit, or deeper in the request, makes
// it fail: then the facts must say.
func (g *generator) maxBody(name string) (int64, error) {
	if limit := g.facts.MaxBody[name]; limit > 0 {
		return limit, nil
	}
	limit := int64(longestRequest)
	reached := map[string]bool{}
	if err := g.reach(g.Operations[name].Input.Shape, reached, nil); err != nil {
		return 0, err
	}
	for _, shape := range slices.Sorted(maps.Keys(reached)) {
		for _, m := range g.Shapes[shape].Members {
			if s := g.Shapes[m.Shape]; s.Type == "blob" {
				if s.Max == nil || shape != g.Operations[name].Input.Shape {
					return 0, fmt.Errorf("operation %s: facts must say how long a request may be", name)
				}
				limit += int64(base64.StdEncoding.EncodedLen(int(*s.Max)))
			}
		}
	}
	return limit, nil
}

// errors writes the names of the errors and their HTTP statuses. A status is 400,
// or 500 for what the model calls a fault, unless the facts have another. The wire
// has room for two members of an error; a third makes it fail.
func (g *generator) errors() error {
	g.use("wire")
	var names []string
	for name, s := range g.Shapes {
		if !s.Exception {
			continue
		}
		for _, m := range s.Members {
			if m.name != "message" && m.name != "reasonCode" {
				return fmt.Errorf("shape %s: the member %s of an error is not understood", name, m.name)
			}
		}
		names = append(names, name)
	}
	slices.Sort(names)
	g.printf("// The errors of the service, see wire.Error.\nconst (\n")
	for _, name := range names {
		g.printf("%s = %q\n", name, name)
	}
	g.printf(")\n\nvar exceptions = [...]wire.Exception{\n")
	for _, name := range names {
		status := 400
		if g.Shapes[name].Fault {
			status = 500
		}
		if s := g.facts.Statuses[name]; s != 0 {
			status = s
		}
		g.printf("{Name: %s, Status: %d},\n", name, status)
	}
	g.printf("}\n")
	return nil
}
