exec(open("entries.py").read())
files = {}
for entry in entries:
    files.update(json.loads(entry)["files"])
for name in sorted(files):
    print(files[name] + "  " + name)
