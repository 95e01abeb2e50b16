package main

import "context"

// contain brings what the ledger says of containments into the guard.
func (s *service) contain(ctx context.Context) error {
	_, err := s.ledger.Containments(ctx)
	return err
}
