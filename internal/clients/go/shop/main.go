// Command shop is a fake with an API beside it, whose callers sign with temporary credentials of
// identity pools. The suites of other languages call it. Its API is under /catalog/ and /customers/, and everything
// else is the fake. The roles trust all identity pools:
//
//   - guests may read the catalog,
//   - users may read the catalog, and read and write below /customers/ and the id of their identity,
//   - outsiders, whose role is for guests and users, may do nothing.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/cognate-id/cognate/identity/idpool/sts"
	"github.com/cognate-id/cognate/internal/fake"
)

const (
	account = "123456789012"
	region  = "us-east-1"
	invoke  = "execute-api:Invoke"
	shopARN = "arn:aws:execute-api:" + region + ":" + account + ":shop/prod/"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:0", "address to listen on")
	flag.Parse()
	if err := run(*addr); err != nil {
		log.Fatal(err)
	}
}

func run(addr string) error {
	f, err := fake.New(context.Background(), &fake.Options{
		Region: region, Account: account, Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)),
		Roles: []sts.Role{
			role("guests", trust("unauthenticated"), "GET/catalog/*"),
			role("users", trust("authenticated"), "GET/catalog/*", "*/customers/${cognito-identity.amazonaws.com:sub}/*"),
			role("outsiders", trust("authenticated", "unauthenticated"), "GET/nothing"),
		},
	})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	server := &http.Server{Handler: handler(f), ReadHeaderTimeout: time.Minute}
	return server.Serve(l)
}

// handler serves the API and the fake.
func handler(f *fake.Server) http.Handler {
	service := f.IdentityPools().STS()
	may := service.RequireFunc(invoke, sts.InvokeARN(region, account, "shop", "prod"))
	api := shared(service.Middleware(nil)(may(http.HandlerFunc(greet))))
	mux := http.NewServeMux()
	mux.Handle("/catalog/", api)
	mux.Handle("/customers/", api)
	mux.Handle("/", f)
	return mux
}

// shared lets pages of other origins call, as an API Gateway with CORS does. The question before such a call is not signed.
func shared(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		if r.Method == http.MethodOptions {
			w.Header().Set("Access-Control-Allow-Methods", "GET, PUT")
			w.Header().Set("Access-Control-Allow-Headers", "Authorization, Content-Type, X-Amz-Date, X-Amz-Security-Token, X-Amz-Content-Sha256")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// greet tells a caller who it is.
func greet(w http.ResponseWriter, r *http.Request) {
	v, ok := sts.FromContext(r.Context())
	if !ok {
		http.Error(w, "nobody has signed", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]string{"identity": v.Session.IdentityID, "role": v.Session.RoleName()}) // the client may have gone
}

func role(name, trust string, paths ...string) sts.Role {
	for i := range paths {
		paths[i] = shopARN + paths[i]
	}
	return sts.Role{
		ARN: "arn:aws:iam::" + account + ":role/" + name, Trust: trust,
		Policies: map[string]string{"shop": sts.Statement(false, []string{invoke}, paths)},
	}
}

// trust is a trust policy for the identities of all pools, which are made later.
func trust(amr ...string) string {
	text, err := json.Marshal(amr)
	if err != nil {
		panic(err) // strings alone
	}
	return `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Federated":"cognito-identity.amazonaws.com"},
		"Action":["sts:AssumeRoleWithWebIdentity","sts:TagSession"],"Condition":{
			"StringLike":{"cognito-identity.amazonaws.com:aud":"` + region + `:*"},
			"ForAnyValue:StringEquals":{"cognito-identity.amazonaws.com:amr":` + string(text) + `}}}}`
}
