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

    def replace(self, name, data):
        """Whole or not at all: somebody may read the folder, and goes on with
        the file that it has open."""
        new = self.path / (name + ".new")
        new.write_bytes(data)
        new.replace(self.path / name)

    def write(self, name, data):
        """New bytes of a file that the manifest names."""
        self.replace(name, data)
        rows = data.count(b"\n") - (name.endswith(".csv"))
        self.files[name].update(bytes=len(data), rows=rows,
                                sha256=hashlib.sha256(data).hexdigest())

    def put(self, kind, records):
        self.write("objects/%s-0001.ndjson" % kind, b"".join(
            json.dumps(r, ensure_ascii=False).encode() + b"\n"
            for r in records))

    def file(self, name, kind, data, **more):
        """A file that the manifest does not name yet."""
        (self.path / name).parent.mkdir(exist_ok=True)
        self.files[name] = dict({"path": name, "object": kind, "format":
                                 "ndjson", "compression": "none"}, **more)
        self.write(name, data)

    def schema(self, change):
        schema = json.loads(self.read("schema.json"))
        change(schema)
        (self.path / "schema.json").write_text(json.dumps(schema))

    def add_object(self, kind, records, custom=False):
        """An object in place of the folder's own, if it has one; its
        properties are those of the first record."""
        objects = json.loads(self.read("schema.json"))["objects"]["results"]
        others = [o for o in objects if o["type"] != kind]
        self.files = {name: f for name, f in self.files.items()
                      if f["object"] != kind}
        self.schema(lambda schema: (
            schema["objects"].update(results=others),
            schema["objects"]["results"].append({
                "type": kind, "label": kind, "label_plural": kind + "s",
                "custom": custom, "primary_display": None, "required": [],
                "record_count": len(records), "readable": True}),
            schema["properties"].update({kind: {"results": [
                {"name": name, "label": name, "data_type": "string",
                 "multi": False, "options": [], "archived": False}
                for name in (records[0]["properties"] if records else {})]}})))
        self.file("objects/%s-0001.ndjson" % kind, kind, b"")
        self.put(kind, records)

    def attachments(self, rows):
        """rows: (id, metadata, content), where content is bytes, None (the
        download is a 404) or "pattern251" (generated, of the size named)."""
        records, index = [], ["id,file_name,size,sha256,parent_type,parent_id,"
                              "content_type,status,content"]
        for rid, more, content in rows:
            data = content if isinstance(content, bytes) else b""
            p = dict({"file_name": rid + ".bin", "size": str(len(data)),
                      "content_type": "application/octet-stream",
                      "sha256": hashlib.sha256(data).hexdigest(),
                      "status": "available", "parents": [],
                      "uploaded_at": "2026-01-01T00:00:00Z",
                      "inline": False}, **more)
            records.append({
                "type": "attachment", "id": rid, "version": 1, "created_at":
                "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
                "archived": False, "archived_at": None, "owner_id": None,
                "created_by": None, "properties": p, "redacted": [],
                "corrupt": None})
            if isinstance(content, bytes):
                (self.path / "files").mkdir(exist_ok=True)
                (self.path / "files" / rid).write_bytes(content)
            index.append("%s,%s,%s,%s,,,x,%s,%s" % (
                rid, p["file_name"], p["size"], p["sha256"], p["status"],
                "absent" if content is None else "file"
                if isinstance(content, bytes) else content))
        self.add_object("attachment", records)
        self.file("files/index.csv", "file_index",
                  "\n".join(index).encode() + b"\n", format="csv")
        return records

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
        self.replace("manifest.json", json.dumps(self.manifest).encode())
        return self.path
