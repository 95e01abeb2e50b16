// Package realshop puts the real program in front of a real shop: Vendure, unmodified and then with three mistakes, alone
// and behind a badly configured nginx or Varnish. It holds nothing but tests.
//
// Start with TestCleanShop. What a test expects is never written down beforehand: its witness reads what the shop really
// sends to whom, by rules of its own, and Candor has to come to the same lists.
//
// The first run installs Vendure and fills a shop, in about two minutes; both are kept under $CANDOR_CACHE (default: the
// user's cache folder) for the next. CANDOR_VENDURE_CUSTOMERS=1000 makes a larger shop than the usual 100 customers.
package realshop
