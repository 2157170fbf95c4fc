"""A source folder made from another: records, associations, changes and poison
added, the manifest made to fit (contract section 6)."""
import hashlib
import json
import shutil


class SourceFolder:
    def __init__(self, base, path):
        shutil.copytree(base, path)
        self.path = path
        self.manifest = json.loads((path / "manifest.json").read_text())
        self.files = {f["path"]: f for f in self.manifest["files"]}

    def read(self, name):
        return (self.path / name).read_bytes()

    def records(self, kind):
        name = "objects/%s-0001.ndjson" % kind
        return [json.loads(line) for line in self.read(name).splitlines()]

    def write(self, name, data):
        """New bytes of a file that the manifest names."""
        (self.path / name).write_bytes(data)
        rows = data.count(b"\n") - (name.endswith(".csv"))
        self.files[name].update(bytes=len(data), rows=rows,
                                sha256=hashlib.sha256(data).hexdigest())

    def put(self, kind, records):
        self.write("objects/%s-0001.ndjson" % kind, b"".join(
            json.dumps(r, ensure_ascii=False).encode() + b"\n"
            for r in records))

    def changes(self, lines):
        """The script: each line a dict, `seq` given here."""
        data = b"".join(json.dumps(dict({"seq": n + 1}, **c)).encode() + b"\n"
                        for n, c in enumerate(lines))
        self.files.setdefault("changes.ndjson", {
            "path": "changes.ndjson", "object": "change", "format": "ndjson",
            "compression": "none"})
        self.write("changes.ndjson", data)

    def poison(self, kind, ids, form="with_id"):
        self.manifest["poison"] = [
            p for p in self.manifest.get("poison", [])] + [
            {"type": kind, "id": rid, "form": form} for rid in ids]

    def done(self):
        self.manifest["files"] = list(self.files.values())
        (self.path / "manifest.json").write_text(json.dumps(self.manifest))
        return self.path
