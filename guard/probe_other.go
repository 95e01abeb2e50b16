//go:build !unix

package guard

import (
	"errors"
	"net"
)

const canProbe = false

type probe struct{}

func newProbe(net.Conn) (*probe, error) { return nil, errors.ErrUnsupported }

func (*probe) silent() bool { return false }
