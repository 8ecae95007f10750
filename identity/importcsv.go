package identity

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cognate-id/cognate/identity/internal/passhash"
	"github.com/cognate-id/cognate/identity/settings"
)

// The file of an import job: comma-separated values, a user a line. The first line names
// the columns, in any order. A comma within a value has a backslash before it, or the value
// is in quotes; a value has no line break. A line is read into a buffer of fixed size, and
// what does not fit is skipped: so memory is bounded whatever the file has.

const (
	columnUsername = "cognito:username"
	columnMFA      = "cognito:mfa_enabled"
	columnHash     = "password_hash"

	maxRowChars = 16_000
	maxRowBytes = 4 * maxRowChars
)

// Columns returns the columns that the file of an import job may have, in the service's
// order. A job with an Algorithm has the column password_hash too.
func (js ImportJobs) Columns(ctx context.Context) ([]string, error) {
	p, err := js.admin.Describe(ctx)
	if err != nil {
		return nil, err
	}
	return columnsOf(p), nil
}

func columnsOf(p *PoolInfo) []string {
	columns := []string{
		"name", "given_name", "family_name", "middle_name", "nickname", "preferred_username", "profile", "picture", "website",
		"email", "email_verified", "gender", "birthdate", "zoneinfo", "locale", "phone_number", "phone_number_verified", "address", "updated_at",
	}
	known := append([]string{"sub", "identities"}, columns...) // what the engine sets
	for _, a := range p.Settings.Attributes() {
		if !slices.Contains(known, a.Name) {
			columns = append(columns, a.Name)
		}
	}
	return append(columns, columnMFA, columnUsername)
}

// A csvLine is one line of a file.
type csvLine struct {
	number int    // from 1
	end    int64  // how many bytes of the file end with it
	text   string // without the end of line
	err    error  // why it cannot be read; the lines after it can
}

// A csvReader reads lines of bounded length.
type csvReader struct {
	r    *bufio.Reader
	line int
	read int64
}

// newCSVReader reads from r, which is at the position of a file where a job is.
func newCSVReader(r io.Reader, j *importJob) *csvReader {
	return &csvReader{r: bufio.NewReaderSize(r, maxRowBytes+3), line: j.Line, read: j.Offset}
}

// next returns the next line that is not empty, or io.EOF.
func (c *csvReader) next() (*csvLine, error) {
	for {
		text, err := c.r.ReadSlice('\n')
		c.read += int64(len(text))
		if len(text) == 0 && err != nil {
			return nil, err
		}
		c.line++
		l := &csvLine{number: c.line}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			l.err = errRowLong
			err = c.skip()
		case errors.Is(err, io.EOF): // the last line may lack its end
			err = nil
		}
		if err != nil {
			return nil, err
		}
		l.end = c.read
		if l.err == nil {
			l.text = strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")
			l.err = checkRow(l.text)
		}
		if l.err != nil || strings.TrimSpace(l.text) != "" {
			return l, nil //nolint:nilerr // l says what is wrong with the line
		}
	}
}

// skip reads the rest of a line that is too long.
func (c *csvReader) skip() error {
	for {
		text, err := c.r.ReadSlice('\n')
		c.read += int64(len(text))
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF):
			return nil
		default:
			return err
		}
	}
}

// Why a row is not imported. These and all texts of rows but three are (unsure).
var (
	errRowLong    = errors.New("The row has more than 16000 characters.")                                                                      //nolint:staticcheck // a sentence of the log
	errRowText    = errors.New("The row is not valid UTF-8, or has a character that is not text.")                                             //nolint:staticcheck // as above
	errRowQuote   = errors.New("The row has a quotation mark that does not enclose a value.")                                                  //nolint:staticcheck // as above
	errRowNoName  = errors.New("The cognito:username is missing.")                                                                             //nolint:staticcheck // as above
	errUnverified = errors.New("The User Record does not set any of the auto verified attributes to true. (Example: email_verified to true).") //nolint:staticcheck // as above
)

func checkRow(text string) error {
	switch {
	case !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }):
		return errRowText
	case utf8.RuneCountInString(text) > maxRowChars:
		return errRowLong
	}
	return nil
}

// fields splits a row. White space around a value does not count.
func fields(text string) ([]string, error) {
	out := splitEscaped(text)
	if strings.Contains(text, `"`) {
		r := csv.NewReader(strings.NewReader(text))
		var err error
		if out, err = r.Read(); err != nil {
			return nil, errRowQuote
		}
	}
	for i, f := range out {
		out[i] = strings.TrimSpace(strings.ReplaceAll(f, `\,`, ","))
	}
	return out, nil
}

// splitEscaped splits at the commas without a backslash before them.
func splitEscaped(text string) []string {
	var out []string
	begin := 0
	for i := range len(text) {
		if text[i] == ',' && (i == 0 || text[i-1] != '\\') {
			out = append(out, text[begin:i])
			begin = i + 1
		}
	}
	return append(out, text[begin:])
}

// header checks the first line of a file, and returns the columns. The error is a sentence
// for the end of the job.
func header(p *PoolInfo, j *importJob, l *csvLine) ([]string, error) {
	if l.err != nil {
		return nil, l.err
	}
	if strings.HasPrefix(l.text, "\ufeff") {
		return nil, errors.New("The CSV file must not begin with a byte order mark.") //nolint:staticcheck // a sentence
	}
	columns, err := fields(l.text)
	if err != nil {
		return nil, err
	}
	known := columnsOf(p)
	if j.Algorithm != "" {
		known = append(known, columnHash)
	}
	for i, c := range columns {
		if !slices.Contains(known, c) {
			return nil, fmt.Errorf("The CSV file has a column that the user pool does not know: column %d.", i+1) //nolint:staticcheck // a sentence
		}
		if slices.Contains(columns[:i], c) {
			return nil, fmt.Errorf("The CSV file has the column %s twice.", c) //nolint:staticcheck // a sentence
		}
	}
	for _, needed := range []string{columnUsername, columnHash} {
		if !slices.Contains(columns, needed) && (needed != columnHash || j.Algorithm != "") {
			return nil, fmt.Errorf("The CSV file does not have the column %s.", needed) //nolint:staticcheck // a sentence
		}
	}
	return columns, nil
}

// record makes the record of a row. The error is a sentence for the log, and holds no value.
func (j *importJob) record(p *PoolInfo, l *csvLine) (*UserRecord, error) {
	if l.err != nil {
		return nil, l.err
	}
	values, err := fields(l.text)
	if err != nil {
		return nil, err
	}
	if len(values) != len(j.Columns) {
		return nil, fmt.Errorf("The row has %d values, and the header has %d columns.", len(values), len(j.Columns)) //nolint:staticcheck // a sentence
	}
	rec := &UserRecord{Attributes: map[string]string{}}
	mfa := ""
	for i, c := range j.Columns {
		switch c {
		case columnUsername:
			rec.Username = values[i]
		case columnMFA:
			mfa = values[i]
		case columnHash:
			err = rec.setHash(values[i], j.Algorithm)
		default:
			rec.Attributes[c], err = columnValue(p, c, values[i])
		}
		if err != nil {
			return nil, err
		}
	}
	if rec.Username == "" {
		return nil, errRowNoName
	}
	if err := rec.checkVerified(p); err != nil {
		return nil, err
	}
	return rec, rec.setMFA(p, mfa)
}

// setHash takes the hash of a password over. An empty one leaves the user without a password.
func (rec *UserRecord) setHash(hash string, algorithm PasswordAlgorithm) error {
	if hash == "" {
		return nil
	}
	switch a, err := passhash.AlgorithmOf(hash); {
	case err != nil:
		return errors.New("The password hash is malformed, or its parameters exceed the limits.") //nolint:staticcheck // a sentence
	case a != algorithm:
		return errors.New("The password hash is not of the algorithm of the import job.") //nolint:staticcheck // a sentence
	}
	rec.Secrets = &UserSecrets{PasswordHash: hash}
	return nil
}

// columnValue brings the value of a column into the form that is stored.
func columnValue(p *PoolInfo, name, value string) (string, error) {
	if value == "" {
		return "", nil
	}
	if name == "birthdate" {
		day, err := time.Parse("01/02/2006", value)
		if err != nil {
			return "", errors.New("The birthdate is not in the format mm/dd/yyyy.") //nolint:staticcheck // a sentence
		}
		return day.Format(time.DateOnly), nil
	}
	if a, _ := p.Settings.Attribute(name); a.Type == settings.TypeBoolean {
		return boolean(name, value)
	}
	return value, nil
}

// boolean accepts true and false in any case, because spreadsheets write them in capitals.
func boolean(name, value string) (string, error) {
	if v := strings.ToLower(value); v == "true" || v == "false" {
		return v, nil
	}
	return "", fmt.Errorf("The value of %s is neither true nor false.", name) //nolint:staticcheck // a sentence
}

// checkVerified demands an address that is verified by the pool's kind, and that is there.
func (rec *UserRecord) checkVerified(p *PoolInfo) error {
	verified := func(a string) bool { return rec.Attributes[a+"_verified"] == "true" }
	if !slices.ContainsFunc(p.Settings.AutoVerified, verified) {
		return errUnverified
	}
	for _, a := range addresses {
		if verified(a) && rec.Attributes[a] == "" {
			return fmt.Errorf("The %s is missing, and %s_verified is true.", a, a) //nolint:staticcheck // a sentence
		}
	}
	return nil
}

// setMFA turns codes by text message on for a user who is to have a second factor and can get
// them. Others set one up when they sign in.
func (rec *UserRecord) setMFA(p *PoolInfo, value string) error {
	s := &p.Settings
	if value == "" {
		return nil
	}
	on, err := boolean(columnMFA, value)
	switch {
	case err != nil:
		return err
	case on == "true" && !asksFactor(s), on == "false" && s.MFA == MFAOn:
		return errors.New("The value of cognito:mfa_enabled does not fit the user pool.") //nolint:staticcheck // a sentence
	}
	if on == "true" && s.SMSMFA && rec.Attributes["phone_number"] != "" {
		rec.MFA.turn(MFASMS, true)
	}
	return nil
}
