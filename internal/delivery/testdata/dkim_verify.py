# Verifies each DKIM signature of the message on standard input with dkimpy, asking the DNS server on 127.0.0.1 at the port that is the argument.
import sys, dkim, dns.resolver
r = dns.resolver.Resolver(configure=False)
r.nameservers, r.port = ["127.0.0.1"], int(sys.argv[1])
def txt(name, timeout=5):
    return b"".join(r.resolve(name.decode(), "TXT")[0].strings)
d = dkim.DKIM(sys.stdin.buffer.read())
for i in range(2):
    try:
        ok = d.verify(idx=i, dnsfunc=txt)
    except dkim.ValidationError:
        ok = False
    print(d.signature_fields[b"a"].decode(), "pass" if ok else "fail")
