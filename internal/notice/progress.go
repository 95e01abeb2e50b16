package notice

import "time"

// Progress is what the processes that send a campaign do. How many people stand where is the ledger's to say; these are what they did since they
// were started.
type Progress struct {
	Time      time.Time          `json:"time"`
	Workers   []string           `json:"workers"`
	Since     time.Time          `json:"since"` // the first of them was started
	Did       Did                `json:"did"`
	Rate      float64            `json:"rate"`       // accepted a second, in the last half minute
	PartsLeft int64              `json:"parts_left"` // of 1,000 people, queued or under way
	Halted    string             `json:"halted,omitempty"`
	Providers []ProviderProgress `json:"providers"` // those for which people wait, and those that defer; at most 20, most waiting first
	Relays    []RelayProgress    `json:"relays"`
}

// Did counts events. In doubt are those whose answer did not come; those that a killed process left are not among them.
type Did struct {
	Intended int64 `json:"intended"`
	Accepted int64 `json:"accepted"`
	Refused  int64 `json:"refused"`
	Deferred int64 `json:"deferred"`
	Expired  int64 `json:"expired"`
	Withheld int64 `json:"withheld"`
	InDoubt  int64 `json:"in_doubt"`
}

// ProviderProgress is what stands in the way at one provider.
type ProviderProgress struct {
	Name    string    `json:"name"`
	Rate    float64   `json:"rate"`    // allowed now, an hour, for all workers
	Waiting int       `json:"waiting"` // people in the parts at hand
	Held    time.Time `json:"held,omitzero"`
	Since   time.Time `json:"since,omitzero"` // of the deferrals
	Why     string    `json:"why,omitempty"`  // the status that said so
}

// RelayProgress is how a relay does.
type RelayProgress struct {
	Addr  string `json:"addr"`
	Conns int    `json:"conns"`
	Why   string `json:"why,omitempty"` // it takes nothing
}

// sendersBeat is how long processes that send may say nothing: they do every two seconds.
const sendersBeat = 15 * time.Second

// Runs: a process sends now.
func (p Progress) Runs(now time.Time) bool {
	return len(p.Workers) > 0 && now.Sub(p.Time) < sendersBeat
}

// Left is when all will be done at this rate, for so many people who are queued; zero where nothing says.
func (p Progress) Left(queued int) time.Duration {
	if p.Rate <= 0 {
		return 0
	}
	return time.Duration(float64(queued) / p.Rate * float64(time.Second)).Round(time.Second)
}
