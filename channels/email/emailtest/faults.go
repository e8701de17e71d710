package emailtest

import "github.com/emersion/go-smtp"

// Faults are what a provider does wrong. The zero value does nothing wrong.
type Faults struct {
	// Answers of the submission server; a zero Code is none.
	Mail Reply
	Rcpt map[string]Reply // by address
	Data Reply            // after the final dot

	// Mechanisms, if set, are the only ways to sign in for sending.
	Mechanisms []string

	HangAtMail  bool // no answer to MAIL
	HangAtDot   bool // no answer after the final dot
	DropAtDot   bool // the connection breaks after the final dot; the mail is accepted all the same
	HangAtFetch bool // no answer to FETCH

	// Login, if not "", is the refusal of every IMAP login, such as "[UNAVAILABLE] try later".
	Login string
	// BreakFetch lists UIDs whose body comes as something no parser understands.
	BreakFetch []uint32
	// RefuseFetch lists UIDs whose bodies are refused, alone or with others; 0 stands for all.
	RefuseFetch []uint32
	// OmitFetch lists UIDs that are left out of an answer about several.
	OmitFetch []uint32
	// NoIdle refuses IDLE, though it is announced.
	NoIdle bool

	lifted chan struct{} // closed when other faults are set
}

// Reply is an answer of an SMTP server.
type Reply struct {
	Code int
	Text string
}

func (r Reply) err() error {
	if r.Code == 0 {
		return nil
	}
	return &smtp.SMTPError{Code: r.Code, EnhancedCode: smtp.EnhancedCode{r.Code / 100, 0, 0}, Message: r.Text}
}

// SetFaults replaces the faults; what hangs because of the ones before goes on.
func (s *Server) SetFaults(f Faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.faults.lifted != nil {
		close(s.faults.lifted)
	}
	f.lifted = make(chan struct{})
	s.faults = f
}

func (s *Server) fault() Faults {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.faults
}
