//go:build !linux

package ws

import (
	"errors"
	"net"
)

// Without a poller every connection is portable, and nothing here is called but newPoller.

var errAgain = errors.New("would block")

type poller struct{}

func newPoller(*Server) (*poller, error) { return nil, nil }

func (p *poller) add(*Conn) error { return errors.ErrUnsupported }
func (p *poller) run()            {}
func (p *poller) close()          {}

func detach(*net.TCPConn) (int, error) { return -1, errors.ErrUnsupported }
func readFD(int, []byte) (int, error)  { return 0, errors.ErrUnsupported }
func writeFD(int, []byte) (int, error) { return 0, errors.ErrUnsupported }
func shutdownFD(int)                   {}
func closeFD(int)                      {}
