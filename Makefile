# The commands of the README, and what they stand on. 'make test' is what CI runs.
SHELL := /bin/bash
.PHONY: build test lint fuzz bench suites install-test-tools demo clean

build:
	go build -trimpath -o bin/candor ./cmd/candor

demo:
	go run ./cmd/candor demo

# Chromium, nginx, Varnish, HAProxy, PostgreSQL, MariaDB, Postfix and Node are what the tests start themselves; OpenDKIM, dkimpy and swaks say whether
# mail is right; sasl2-bin keeps the password of a relay; -race needs a C compiler.
TEST_PACKAGES := chromium nginx varnish haproxy postgresql mariadb-server wget gcc libc6-dev g++ make python3 nodejs npm curl openssl python3-icalendar postfix opendkim swaks libnet-ssleay-perl python3-dkim sasl2-bin libsasl2-modules
install-test-tools:
	@./.ci/install $(TEST_PACKAGES)

# The race detector takes ten times as long, so it looks where something runs at the same time as something else (TestUnraced holds the lists to
# that). In UNRACED nothing does. Of PARTLY it sees the tests that have it, RACED_TESTS, shortened, and all tests run in full without it: what they do
# one thing after the other, in SQL above all, is ten times as slow with it and shows nothing more. To leave out a dependency by -gcflags makes false
# alarms: what it has in common with others, such as a generic function of the standard library, may be linked as it compiled it.
UNRACED := ./scan ./internal/document ./internal/duties ./internal/filing ./internal/incident ./internal/keyfile ./internal/notice ./internal/plot ./internal/suites
PARTLY := ./cmd/candor ./internal/console ./internal/ledger ./internal/report
RACED_TESTS := TestScripts/notice_send TestDemoOnce TestKilledAtAnyMoment TestStopAndGoOn TestDirectoryWhileServing TestReadyAndRelease \
	TestAfterACampaign TestFollowAfterLoss TestAskInChromium TestEditorInChromium TestPreviewsInChromium TestReportsInChromium TestLive TestLiveSessionEnds \
	TestEvents TestManySessions TestSQLite/ReadersBesideFold TestSQLite/ReportOfOneMoment TestSQLite/TwoFolds TestSQLite/OpenedAtOnce \
	TestPostgreSQL/ReadersBesideFold TestPostgreSQL/ReportOfOneMoment TestPostgreSQL/TwoFolds TestPostgreSQL/OpenedAtOnce \
	TestPublish TestWitness TestVerifyWhileItGrows TestEveryStep TestInChromium TestNoticeToViewers TestTrip TestBouncesSTARTTLS TestPreviewChangesNothing
# More tests at once than there are cores, because many wait; 'make lint' vets.
GO_TEST := CI=true go test -timeout 30m -vet off -p 4 -parallel 8

test: install-test-tools
	$(GO_TEST) -race $$(go list ./... | grep -vxF "$$(go list $(UNRACED) $(PARTLY))")
	$(GO_TEST) -race -short -run "$$(echo $(RACED_TESTS) | sed -E 's,[^ /]+,^&$$,g; s, ,|,g')" $(PARTLY)
	$(GO_TEST) $(PARTLY) $(UNRACED)
	@./.ci/fuzz 3s FuzzHidden # which once in some thousand pages comes upon what docs/architecture.md says is not seen
	@./.ci/suites | diff -u docs/suites.md - || { echo "docs/suites.md is not what the suites say: run 'make suites'"; exit 1; }

# Every fuzz target for a while: make fuzz FUZZTIME=10m
FUZZTIME ?= 30s
fuzz:
	@./.ci/fuzz $(FUZZTIME)

# The score by suites that others wrote, into docs/suites.md; fails on a miss that is not declared.
suites:
	@./.ci/suites >docs/suites.md.new && mv docs/suites.md.new docs/suites.md || { rm -f docs/suites.md.new; exit 1; }

lint:
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo "not gofmt-ed:"; gofmt -l $$(git ls-files '*.go'); exit 1; }
	go vet ./...
	go run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...
	@./.ci/vulncheck

# Candor beside its peers, into docs/performance.md: about 15 minutes. QUICK=1 takes about three; FULL=1 adds the directory at
# 100 million customers and a million notices; ONLY=recogniser,proxy measures these sections and keeps the others as they were measured last.
BENCH_PACKAGES := ripgrep wrk nginx gcc libc6-dev g++ libre2-dev nodejs npm
bench:
	@./.ci/install $(BENCH_PACKAGES)
	cd bench && go test -mod=mod . && go run -mod=mod . $(if $(QUICK),-quick) $(if $(FULL),-full) $(if $(ONLY),-only $(ONLY))

clean:
	rm -rf bin candor-data
