package cognito_test

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito"
	"github.com/cognate-id/cognate/store/memory"
)

const logGroup = "arn:aws:logs:us-east-1:123456789012:log-group:mail"

func cloudWatch(source, level, arn string) obj {
	return obj{"EventSource": source, "LogLevel": level, "CloudWatchLogsConfiguration": obj{"LogGroupArn": arn}}
}

func notifications(arn string) obj { return cloudWatch("userNotification", "ERROR", arn) }

func TestLogDeliveryConfiguration(t *testing.T) {
	s := newServer(t)
	pool := s.pool(nil)
	get := func(of obj) string { return jsonText(of["LogDeliveryConfiguration"]) }
	if got := get(s.ok("GetLogDeliveryConfiguration", obj{"UserPoolId": pool})); got != `{"LogConfigurations":[],"UserPoolId":"`+pool+`"}` {
		t.Errorf("a new pool has %s", got)
	}
	set := func(to ...any) *answer {
		return s.call("SetLogDeliveryConfiguration", obj{"UserPoolId": pool, "LogConfigurations": append(list{}, to...)})
	}
	one := notifications(logGroup)
	a := set(one)
	a.wantOK(t)
	want := `{"LogConfigurations":[` + jsonText(one) + `],"UserPoolId":"` + pool + `"}`
	if got := get(a.body); got != want {
		t.Errorf("set: %s, want %s", got, want)
	}
	if got := get(s.ok("GetLogDeliveryConfiguration", obj{"UserPoolId": pool})); got != want {
		t.Errorf("shown: %s, want %s", got, want)
	}
	set(one, one).want(t, invalid("Following event sources appear more then once in a request"))
	tier := problem{"FeatureUnavailableInTierException", "The following feature is not available for the ESSENTIALS pricing tier configured: Log Streaming", 0}
	events := cloudWatch("userAuthEvents", "INFO", logGroup)
	set(events).want(t, tier)
	set(notifications(strings.Replace(logGroup, "us-east-1", "eu-west-1", 1))).want(t, invalid("ARN does not belong to current region"))
	level := invalid("userNotification logs must have the log level ERROR and a CloudWatch log group.")
	set(cloudWatch("userNotification", "INFO", logGroup)).want(t, level)
	stream := obj{"StreamArn": "arn:aws:firehose:us-east-1:123456789012:deliverystream/x"}
	set(obj{"EventSource": "userNotification", "LogLevel": "ERROR", "FirehoseConfiguration": stream}).want(t, level)
	exactly := invalid("Exactly one log destination must be configured for each event source.")
	set(obj{"EventSource": "userNotification", "LogLevel": "ERROR"}).want(t, exactly)
	set(with(one, obj{"FirehoseConfiguration": stream})).want(t, exactly)
	if got := get(s.ok("GetLogDeliveryConfiguration", obj{"UserPoolId": pool})); got != want {
		t.Errorf("after refusals: %s, want %s", got, want)
	}

	pool = s.pool(obj{"UserPoolTier": "PLUS"})
	set(cloudWatch("userAuthEvents", "ERROR", logGroup)).want(t, invalid("userAuthEvents logs must have the log level INFO."))
	bucket := obj{"EventSource": "userAuthEvents", "LogLevel": "INFO", "S3Configuration": obj{"BucketArn": "arn:aws:s3:::events"}}
	set(one, bucket).wantOK(t)
	set(one, obj{"EventSource": "userAuthEvents", "LogLevel": "INFO", "FirehoseConfiguration": stream}).wantOK(t)
	a = set()
	a.wantOK(t)
	if got := get(a.body); !strings.Contains(got, `"LogConfigurations":[]`) {
		t.Errorf("nothing set: %s", got)
	}
}

// A collector keeps the records that it is given.
type collector struct{ to, records []string }

func (c *collector) WriteLog(_ context.Context, destination string, record []byte) {
	c.to, c.records = append(c.to, destination), append(c.records, string(record))
}

// codeTelling quotes the code in its error.
type codeTelling struct{ codes *[]string }

func (c codeTelling) Send(_ context.Context, m *identity.Message) error {
	*c.codes = append(*c.codes, string(m.Code))
	return errors.New("550 cannot send " + m.Body)
}

func TestUndeliveredMessagesAreLogged(t *testing.T) {
	s, sink := newServerWith(t, serverOptions{mayFail: true}), &collector{}
	var codes []string
	s.engine = identity.New(memory.New(), &identity.Options{
		Sender: codeTelling{&codes}, Logs: sink, InsecureCheapHashing: true, Logger: s.logger(), Clock: s.now,
	})
	s.handler = cognito.NewHandler(s.engine, &cognito.Options{Clock: s.now, Logger: s.logger()})
	pool := s.pool(obj{"AutoVerifiedAttributes": list{"email"}})
	c := s.client(pool, nil)
	failed := problem{"CodeDeliveryFailureException", "Invalid email provided/Unable to send the email", 0}
	s.call("SignUp", c.signUpBody("alice", "email", "alice@example.com")).want(t, failed)
	if len(sink.records) != 0 {
		t.Errorf("without a destination the log has %q", sink.records)
	}
	s.ok("SetLogDeliveryConfiguration", obj{"UserPoolId": pool, "LogConfigurations": list{notifications(logGroup)}})
	s.call("SignUp", c.signUpBody("bob", "email", "bob@example.com")).want(t, failed)
	if len(sink.records) != 1 || sink.to[0] != logGroup {
		t.Fatalf("the log has %q for %q", sink.records, sink.to)
	}
	record := parse[obj](t, sink.records[0])
	if record["eventSource"] != "USER_NOTIFICATION" || record["logLevel"] != "ERROR" || dig(record, "logSourceId", "userPoolId") != pool || record["eventTimestamp"] != strconv.FormatInt(epoch.UnixMilli(), 10) {
		t.Errorf("the record is %s", sink.records[0])
	}
	if got := str(t, record, "message", "details"); got != "The EMAIL message of kind SignUp was not delivered: 550 cannot send Your verification code is [redacted]" {
		t.Errorf("the details are %q", got)
	}
	if len(codes) != 2 || strings.Contains(sink.records[0], codes[1]) || !json.Valid([]byte(sink.records[0])) {
		t.Errorf("the record tells the code: %s", sink.records[0])
	}
}
