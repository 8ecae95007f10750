package floor_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/json"
	"log/slog"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/mfa/webauthn/webauthntest"
	"github.com/cognate-id/cognate/store/memory"
)

// BenchmarkPasskey is how much processor time both steps of a sign-in by passkey take, for what one verification by ES256
// and two signatures by RS256 take 1: the median over alternating pairs of runs.
func BenchmarkPasskey(b *testing.B) {
	signIn, least := passkeySignIn(b), leastWork(b)
	signIn(20)
	var ratios []float64
	for range 7 {
		ratios = append(ratios, float64(signIn(100))/float64(least(100)))
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "x-floor")
	b.ReportMetric(0, "ns/op")
}

// spent is the processor time that a function takes.
func spent(b *testing.B, fn func()) time.Duration {
	b.Helper()
	used := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	before := used()
	fn()
	return used() - before
}

func leastWork(b *testing.B) func(n int) time.Duration {
	b.Helper()
	signer, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		b.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	sum := sha256.Sum256([]byte("a token"))
	proof, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
	if err != nil {
		b.Fatal(err)
	}
	return func(n int) time.Duration {
		return spent(b, func() {
			for range n {
				for range 2 {
					if _, err := rsa.SignPKCS1v15(nil, signer, crypto.SHA256, sum[:]); err != nil {
						b.Fatal(err)
					}
				}
				if !ecdsa.VerifyASN1(&key.PublicKey, sum[:], proof) {
					b.Fatal("the proof is wrong")
				}
			}
		})
	}
}

// passkeySignIn signs a user in n times, and returns what that took without the work of the authenticator.
func passkeySignIn(b *testing.B) func(n int) time.Duration {
	b.Helper()
	ctx, phone := context.Background(), &webauthntest.Authenticator{}
	const origin, name, phrase = "http://localhost:3000", "alice", "correct horse battery staple"
	e := identity.New(memory.New(), &identity.Options{
		Sender: identity.NewOutbox(1), RelyingParty: "localhost", InsecureCheapHashing: true, Logger: slog.New(slog.DiscardHandler),
	})
	pool, err := e.OpenUserPool(ctx, "main", &identity.PoolSettings{FirstFactors: []identity.FirstFactor{identity.FirstPassword, identity.FirstPasskey}})
	must(b, err)
	_, err = pool.Admin().Clients().Update(ctx, pool.ClientID(), func(c *identity.ClientSettings) error {
		c.AuthFlows = []identity.AuthFlow{identity.AllowUser, identity.AllowUserPassword, identity.AllowRefresh}
		return nil
	})
	must(b, err)
	_, err = pool.Admin().Users().Create(ctx, identity.CreateUser{Username: name, SuppressInvitation: true})
	must(b, err)
	must(b, pool.Admin().Users().SetPassword(ctx, name, phrase, true))
	in, err := pool.SignIn(ctx, identity.SignIn{Username: name, Password: phrase})
	must(b, err)
	session, err := pool.Session(ctx, in.Tokens.Access)
	must(b, err)
	options, err := session.StartPasskey(ctx)
	must(b, err)
	made, err := phone.Create(origin, encoded(b, options))
	must(b, err)
	_, err = session.FinishPasskey(ctx, made)
	must(b, err)
	return func(n int) (all time.Duration) {
		asked, answers := make([]*identity.PasskeyRequired, n), make([][]byte, n)
		all = spent(b, func() {
			for i := range asked {
				res, err := pool.Begin(ctx, identity.BeginSignIn{Username: name, Preferred: identity.FirstPasskey})
				must(b, err)
				asked[i] = res.Challenge.(*identity.PasskeyRequired)
			}
		})
		for i, ch := range asked {
			answers[i], err = phone.Get(origin, encoded(b, ch.Options))
			must(b, err)
		}
		return all + spent(b, func() {
			for i, ch := range asked {
				_, err := ch.Answer(ctx, identity.PasskeyAnswer{Credential: answers[i]})
				must(b, err)
			}
		})
	}
}

func encoded(b *testing.B, v any) []byte {
	b.Helper()
	text, err := json.Marshal(v)
	must(b, err)
	return text
}

func must(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}
