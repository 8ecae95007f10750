package main_test

import (
	"net/http"
	"os/exec"
	"testing"
)

// BenchmarkColdStart is the time from exec of cognate dev until it has answered
// a request. Nothing is read ahead of it but what the system has in its cache.
func BenchmarkColdStart(b *testing.B) {
	for b.Loop() {
		p := start(b, b.TempDir(), "dev", "--addr", "127.0.0.1:0")
		if status, body := get(b, p.value("Endpoint")+"/_cognate/health"); status != 200 {
			b.Fatalf("health: %d %s", status, body)
		}
		b.StopTimer()
		p.kill()
		http.DefaultClient.CloseIdleConnections()
		b.StartTimer()
	}
}

// BenchmarkVersion is what the process alone costs: exec, runtime and the
// initialization of packages. The test binary has a little more to do than the command.
func BenchmarkVersion(b *testing.B) {
	for b.Loop() {
		if err := exec.Command(binary, "version").Run(); err != nil {
			b.Fatal(err)
		}
	}
}
