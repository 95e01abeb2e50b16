// Prints the cases of http-tests/cache-tests as one JSON array, a case a line. Made with version 0.4.5:
//
//   npm install --prefix /tmp/c http-cache-tests@0.4.5
//   node testdata/cache-tests/dump.mjs /tmp/c/node_modules/http-cache-tests >testdata/cache-tests/cases.json
import path from 'node:path'

const root = path.resolve(process.argv[2])
const { default: suites } = await import(`${root}/tests/index.mjs`)
const { default: surrogate } = await import(`${root}/tests/surrogate-control.mjs`)
const keep = r => ({ method: r.request_method, request: r.request_headers, query: r.query_arg, filename: r.filename, status: r.response_status?.[0], response: r.response_headers, rfc850: r.rfc850date, pause: r.pause_after, expect: r.expected_type })
const cases = [...suites, surrogate].flatMap(s => s.tests.map(t => JSON.stringify({
  suite: s.id, id: t.id, kind: t.kind ?? 'required', browser: t.browser_only, requests: t.requests.map(keep)
})))
console.log(`[\n${cases.join(',\n')}\n]`)
