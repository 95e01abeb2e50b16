package ledger

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"candor.example/internal/testdb"
)

// suite is what a ledger does, whichever database it is in.
var suite = []struct {
	name string
	test func(*testing.T, fresher)
}{
	{"Incident", testIncident},
	{"SharedCache", testSharedCache},
	{"LinksArePromoted", testLinksArePromoted},
	{"ReleasesAndCoverage", testReleasesAndCoverage},
	{"BatchesDoNotMatter", testBatchesDoNotMatter},
	{"AgainstModel", testAgainstModel},
	{"ReadersBesideFold", testReadersBesideFold},
	{"Evidence", testEvidence},
	{"Behind", testBehind},
	{"OneJournal", testOneJournal},
	{"Details", testDetails},
	{"LookedToTheEnd", testLookedToTheEnd},
	{"VerifiedCrawler", testVerifiedCrawler},
	{"Possible", testPossible},
	{"Explain", testExplain},
	{"Moments", testMoments},
	{"Actions", testActions},
	{"ImpossibleTimes", testImpossibleTimes},
	{"Reset", testReset},
	{"Uncontained", testUncontained},
	{"ActionIDs", testActionIDs},
	{"Countries", testCountries},
	{"Responses", testResponses},
	{"ViewersOfOne", testViewersOfOne},
	{"Reopened", testReopened},
	{"Purge", testPurge},
	{"Sealed", testSealed},
	{"Campaign", testCampaign},
	{"Delivered", testDelivered},
	{"DeliveredAtRandom", testDeliveredAtRandom},
	{"Returned", testReturned},
	{"MarksOfDeliveries", testMarksOfDeliveries},
	{"Told", testTold},
	{"Sending", testSending},
	{"Answers", testAnswers},
	{"ViewersByMail", testViewersByMail},
	{"Facts", testFacts},
	{"Report", testReport},
	{"ReportSet", testReportSet},
	{"ReportOfOneMoment", testReportOfOneMoment},
	{"ReportNamesNobody", testReportNamesNobody},
	{"HostileText", testHostileText},
	{"TwoFolds", testTwoFolds},
	{"Upgrade", testUpgrade},
	{"ViewersMigrate", testViewersMigrate},
	{"Killed", testKilled},
	{"MigrationsGoDownAndUp", testMigrationsGoDownAndUp},
}

// run tests a ledger in fresh places, and its making in an empty one.
func run(t *testing.T, fresh, empty fresher) {
	for _, s := range suite {
		t.Run(s.name, func(t *testing.T) { s.test(t, fresh) })
	}
	t.Run("OpenedAtOnce", func(t *testing.T) { testOpenedAtOnce(t, empty) })
}

func TestSQLite(t *testing.T) {
	t.Parallel()
	run(t, sqliteFile, sqliteFile)
}

func TestPostgreSQL(t *testing.T) {
	t.Parallel()
	server := testdb.Postgres(t)
	empty := databases(server, "TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US' LOCALE 'C'")
	fresh := copies(t, server, empty)
	run(t, fresh, empty)
	t.Run("TellsPeople", func(t *testing.T) { tellsPeople(t, server) })
	t.Run("SameAsSQLite", func(t *testing.T) { sameAsSQLite(t, fresh) })
}

// One journal gives the same ledger in both.
func sameAsSQLite(t *testing.T, fresh fresher) {
	for seed := range uint64(3) {
		list := random(rand.New(rand.NewPCG(seed, 7)), 400)
		one, other := open(t, sqliteFile), open(t, fresh)
		mustFold(t, one, list)
		for i := 0; i < len(list); i += 50 {
			mustFold(t, other, list[i:i+50])
		}
		differ(t, dump(t, one), dump(t, other))
	}
}

func sqliteFile(t testing.TB) string { return filepath.Join(t.TempDir(), "ledger.sqlite") }

var made atomic.Int32 // databases

// databases makes a database for each ledger. Those of TestPostgreSQL have a locale in which text has another order than that of its bytes.
func databases(server, how string) fresher {
	return func(t testing.TB) string {
		name := fmt.Sprint("ledger_", made.Add(1))
		admin(t, server, "CREATE DATABASE "+name+" "+how)
		return strings.Replace(server, "/postgres", "/"+name, 1)
	}
}

// copies makes a ledger once, and hands out copies of it: to migrate each took longer than what most tests do with it.
func copies(t testing.TB, server string, empty fresher) fresher {
	first := empty(t)
	l, err := Open(context.Background(), first)
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	return databases(server, "TEMPLATE "+first[strings.LastIndexByte(first, '/')+1:])
}

func admin(t testing.TB, server, query string) {
	t.Helper()
	c, err := pgx.Connect(context.Background(), server)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background())
	if _, err := c.Exec(context.Background(), query); err != nil {
		t.Fatal(err)
	}
}
