package realshop

import "syscall"

// asChild lets a program die with the test that started it, even where that one is killed.
func asChild() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
