package realshop

import (
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"candor.example/internal/testpart"
)

// startNginx starts a cache whose operator wanted more hits: it keeps what upstream says may be kept, as it should, but
// for all visitors alike, and ignores Set-Cookie and Vary. Debian: nginx.
func startNginx(t *testing.T, upstream string) string {
	t.Helper()
	bin, dir, port := testpart.Program(t, "nginx"), t.TempDir(), testpart.FreePort(t)
	conf := filepath.Join(dir, "nginx.conf")
	write(t, conf, fmt.Sprintf(`
daemon off;
master_process off;
pid %[1]s/nginx.pid;
error_log stderr warn;
events { worker_connections 256; }
http {
  access_log off;
  client_body_temp_path %[1]s/client;
  proxy_temp_path %[1]s/temp;
  fastcgi_temp_path %[1]s/fastcgi;
  uwsgi_temp_path %[1]s/uwsgi;
  scgi_temp_path %[1]s/scgi;
  proxy_cache_path %[1]s/cache keys_zone=pages:1m;
  server {
    listen 127.0.0.1:%[2]d;
    location / {
      proxy_pass %[3]s;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_cache pages;
      proxy_cache_key $request_uri;
      proxy_ignore_headers Set-Cookie Vary;
      add_header X-Cache-Status $upstream_cache_status;
    }
  }
}
`, dir, port, upstream))
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	start(t, exec.Command(bin, "-e", "stderr", "-p", dir, "-c", conf), "").listening(t, addr)
	return "http://" + addr
}

// startVarnish starts a cache whose operator found that cookies spoil the hit rate, and turned off what Varnish does by
// itself: pass on every request that has a cookie or a token. Debian: varnish, gcc, libc6-dev.
func startVarnish(t *testing.T, upstream string) string {
	t.Helper()
	bin, port := testpart.Program(t, "varnishd"), testpart.FreePort(t)
	testpart.Program(t, "gcc")
	dir, err := os.MkdirTemp("", "varnish") // the test's own folder has a name too long for Varnish's sockets
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	u, err := url.Parse(upstream)
	if err != nil {
		t.Fatal(err)
	}
	vcl := filepath.Join(dir, "shop.vcl")
	write(t, vcl, fmt.Sprintf(`
vcl 4.1;
backend shop { .host = "%s"; .port = "%s"; }
sub vcl_recv {
  if (req.method == "GET" && req.url !~ "^/(shop|admin)-api") {
    return (hash);
  }
}
sub vcl_backend_response {
  if (beresp.status == 200 && beresp.http.Cache-Control ~ "public") {
    unset beresp.http.Set-Cookie;
    set beresp.ttl = 10m;
    return (deliver);
  }
}
`, u.Hostname(), u.Port()))
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	cmd := exec.Command(bin, "-F", "-j", "none", "-n", filepath.Join(dir, "run"), "-a", addr, "-f", vcl, "-s", "malloc,32m")
	start(t, cmd, "").listening(t, addr)
	return "http://" + addr
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// startHAProxy starts a cache whose operator threw away what stood in its way: HAProxy keeps nothing for requests with a
// token, and nothing that varies or sets a cookie, so all that had to go. It says nothing but Age. Debian: haproxy.
func startHAProxy(t *testing.T, upstream string) string {
	t.Helper()
	bin, dir, port := testpart.Program(t, "haproxy"), t.TempDir(), testpart.FreePort(t)
	u, err := url.Parse(upstream)
	if err != nil {
		t.Fatal(err)
	}
	conf := filepath.Join(dir, "haproxy.cfg")
	write(t, conf, fmt.Sprintf(`
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
cache pages
  total-max-size 8
  max-object-size 500000
  max-age 600
frontend shop
  bind 127.0.0.1:%d
  option forwardfor
  acl api path_beg /shop-api /admin-api
  http-request del-header Authorization if !api
  http-request cache-use pages if !api
  http-response del-header Set-Cookie if { res.hdr(Cache-Control) -m sub public }
  http-response del-header Vary if { res.hdr(Cache-Control) -m sub public }
  http-response cache-store pages
  default_backend app
backend app
  server one %s
`, port, u.Host))
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	start(t, exec.Command(bin, "-db", "-f", conf), "").listening(t, addr)
	return "http://" + addr
}
