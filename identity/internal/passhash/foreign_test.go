package passhash_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity/internal/passhash"
)

// The hashes of "correct horse é" that other programs made: bcrypt 5.0 and passlib 1.7 of
// Python, and hashlib.
var foreign = []struct {
	name, hash string
	algorithm  passhash.Algorithm
}{
	{"bcrypt 2b", "$2b$04$rX/bL7l5okgG/eTp09H3M.aiAYA97h9/hH2b3Pei/vvR/ShpMpwze", passhash.Bcrypt},
	{"bcrypt 2a", "$2a$04$pPmVRquQZFaQAp06GSiEgOe.aabTkhnX95EtLGY99hGhzdgeFhBnm", passhash.Bcrypt},
	{"bcrypt 2y, of PHP", "$2y$04$zE8N0nvWS.U7vcfoGERThuXCNgzHJmVFTju7Ntvbl2e1O/TPT786W", passhash.Bcrypt},
	{"scrypt of passlib", "$scrypt$ln=10,r=8,p=1$792bM4aQUopRSgmh1BqDMA$gN8NLipYwsfwFNd9rkFKtpY4W6NQQx79sHktaq3elNw", passhash.Scrypt},
	{"scrypt as the service takes it", "1024$8$1$304dbaef7c5e828dc19c98f0600d18fe$8a70c051d5881ca8e26a095bb249d955c7f278b86b5e968ab03d4c475cc4664c", passhash.Scrypt},
	{"PBKDF2 of passlib", "$pbkdf2-sha256$1000$kbLWOicEgPDeOwegFMJ4zw$DT5gSrVUZeROnZcBgIsY8g8gW4BJiGEVQmMk.IyR2l8", passhash.PBKDF2},
	{"PBKDF2 of Django", "pbkdf2_sha256$1000$VxmY6dxj1L24$DUIBPcfaLkQoPJvRCrsC/aYlgndPF0WknZRVNYrUhd8=", passhash.PBKDF2},
	{"PBKDF2 in the PHC form", "$pbkdf2-sha256$i=1000,l=32$ME2673xego3BnJjwYA0Y/g$FEK/5HBSEg8MSz8VkSAn3WC4pwa9Gm2R7mxlPaEzI/U", passhash.PBKDF2},
}

func TestForeignHashesAreVerified(t *testing.T) {
	h := passhash.New(passhash.InsecureCheap, nil)
	for _, tt := range foreign {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := passhash.AlgorithmOf(tt.hash); got != tt.algorithm || err != nil {
				t.Errorf("AlgorithmOf = %q, %v, want %q", got, err, tt.algorithm)
			}
			for password, want := range map[string]bool{"correct horse \u00e9": true, "correct horse e\u0301": true, "correct horse e": false, "": false} {
				ok, stale, err := h.Verify(t.Context(), tt.hash, password)
				if ok != want || !stale || err != nil {
					t.Errorf("Verify(%q) = %t, stale %t, %v, want %t and stale", password, ok, stale, err, want)
				}
			}
		})
	}
}

// The first hash of each pair is at the limit. Computing one costs what is measured in
// BenchmarkForeign.
func TestForeignHashesAreBounded(t *testing.T) {
	salt, key := "$304dbaef7c5e828dc19c98f0600d18fe", "$8a70c051d5881ca8e26a095bb249d955c7f278b86b5e968ab03d4c475cc4664c"
	b64 := "$kbLWOicEgPDeOwegFMJ4zw$DT5gSrVUZeROnZcBgIsY8g8gW4BJiGEVQmMk.IyR2l8"
	bcrypt := "$rX/bL7l5okgG/eTp09H3M.aiAYA97h9/hH2b3Pei/vvR/ShpMpwze"
	for hash, ok := range map[string]bool{
		"$2b$12" + bcrypt: true, "$2b$13" + bcrypt: false, "$2b$31" + bcrypt: false, "$2b$03" + bcrypt: false, "$2c$10" + bcrypt: false,
		"131072$8$1" + salt + key: true, "262144$8$1" + salt + key: false, "131072$8$2" + salt + key: false, "16384$8$5" + salt + key: true,
		"1000$8$1" + salt + key: false, "0$8$1" + salt + key: false, "1$8$1" + salt + key: false, "-1024$8$1" + salt + key: false,
		"2147483648$8$1" + salt + key: false, "1024$1073741824$1" + salt + key: false, "1024$8$1073741824" + salt + key: false,
		"1024$8$01" + salt + key: false, "1024$8$1" + salt + key[:9]: false, "1024$8$1" + salt + key + "0": false,
		"$scrypt$ln=17,r=8,p=1" + b64: true, "$scrypt$ln=18,r=8,p=1" + b64: false, "$scrypt$ln=99,r=8,p=1" + b64: false, "$scrypt$ln=0,r=8,p=1" + b64: false,
		"$pbkdf2-sha256$1200000" + b64: true, "$pbkdf2-sha256$1200001" + b64: false, "$pbkdf2-sha256$0" + b64: false, "$pbkdf2-sha256$i=5,l=31" + b64: false,
		"$pbkdf2-sha512$1000" + b64: false, "plain": false, "": false, "$2b$10" + bcrypt[:20]: false, strings.Repeat("$", 300): false,
	} {
		_, err := passhash.AlgorithmOf(hash)
		if (err == nil) != ok || err != nil && !errors.Is(err, passhash.ErrFormat) {
			t.Errorf("AlgorithmOf(%q): %v, want taken: %t", hash, err, ok)
		}
	}
}

// BenchmarkForeign is what a sign-in costs with the dearest hashes that are taken.
func BenchmarkForeign(b *testing.B) {
	h := passhash.New(passhash.Default, nil)
	for name, hash := range map[string]string{
		"bcrypt-12":      "$2b$12$HHiTi20G1qxUrD0cPAt/qeSJM0RvXeKXSfkF2nGbwoMmxV4NdJvzK",
		"scrypt-2^17":    "131072$8$1$304dbaef7c5e828dc19c98f0600d18fe$8a70c051d5881ca8e26a095bb249d955c7f278b86b5e968ab03d4c475cc4664c",
		"pbkdf2-1200000": "$pbkdf2-sha256$1200000$kbLWOicEgPDeOwegFMJ4zw$DT5gSrVUZeROnZcBgIsY8g8gW4BJiGEVQmMk.IyR2l8",
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, _, err := h.Verify(b.Context(), hash, "correct horse é"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
