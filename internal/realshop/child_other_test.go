//go:build !linux

package realshop

import "syscall"

func asChild() *syscall.SysProcAttr { return nil }
