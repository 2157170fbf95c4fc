"""The lines of every deal that landed, held against the source's own: product,
quantity, price, discount, tax and currency. Drover is asked for nothing but where
each record is, which lines it rejected and which values it says to differ."""
import collections
import decimal

FIELDS = ("product_id", "quantity", "unit_price", "discount", "tax", "currency")
TEXTS = ("product_id", "currency")


def number(value):
    """Without the zeros at its end; None and "" are 0."""
    try:
        return decimal.Decimal(str(value or 0)).normalize()
    except decimal.InvalidOperation:
        return value


def discount(value, percent):
    """"10 %", "10" as an amount; 0 is none of either kind."""
    value = number(value)
    return (value, percent) if value else (decimal.Decimal(0), True)


class DealLines:
    """records: {type: [record of the target]}; source: {object: [record]};
    lines: of records.ndjson; told: the differences of reconciliation.json."""

    def __init__(self, records, source, lines, told):
        self.deals = {r["id"]: r for r in records.get("deals") or []}
        self.products = {r["id"]: r.get("product_code")
                         for r in records.get("products") or []}
        self.source = {kind: {r["id"]: r["properties"] for r in v}
                       for kind, v in source.items()}
        self.at = {x["id"]: int(x["target_id"]) for x in lines
                   if x["object"] == "deal" and x["state"] == "landed"}
        # Neither there, nor meant to be.
        self.out = {x["id"] for x in lines if x["object"] == "line_item"
                    and x["state"] in ("rejected", "excluded", "deleted")}
        self.told = {(d["id"], d["field"]): d["actual"] for d in told
                     if d["object"] == "line_item"}
        self.compared = 0

    def wanted(self, rid, deal):
        p = self.source["line_item"][rid]
        return (p.get("product_id"), number(p.get("quantity")),
                number(p.get("unit_price")),
                discount(p.get("discount"),
                         str(p.get("discount_type") or "percent").lower()
                         == "percent"),
                number(p.get("tax")),
                p.get("currency") or deal.get("currency"))

    def there(self, x):
        return (self.products.get(x["product_id"]), number(x["quantity"]),
                number(x["unit_price"]),
                discount(x["discount"], x["discount_type"] == 1),
                number(x["tax"]), x["currency_code"])

    def same(self, rid, want, have):
        """But for what is told to stand there instead. Where neither the line
        nor its deal has a currency, it is the account's."""
        for name, w, h in zip(FIELDS, want, have):
            told = self.told.get((rid, name))
            if w == h or (name == "currency" and not w):
                continue
            if not told or told != (h if name in TEXTS else str(
                    h[0] if name == "discount" else h)):
                return False
        return True

    def of_deal(self, rid, ids):
        deal = self.source["deal"].get(rid, {})
        left = [self.there(x) for x in
                self.deals[self.at[rid]].get("products") or []]
        found = []
        for i in ids:
            want = self.wanted(i, deal)
            hit = next((x for x in left if self.same(i, want, x)), None)
            self.compared += 1
            if hit:
                left.remove(hit)
            else:
                found.append("%s of deal %s" % (i, rid))
        return found, ["%s %s x %s at %s in deal %s" % (
            x[1], x[0], x[2], x[5], rid) for x in left]

    def problems(self):
        """(lines that are not there as they are, lines too many)"""
        of = collections.defaultdict(list)
        if not {"deal", "line_item"} <= set(self.source):
            return [], []  # outside the scope
        for rid, p in self.source["line_item"].items():
            if rid not in self.out:
                of[p.get("deal_id")].append(rid)
        missing, more = [], []
        for rid, target in sorted(self.at.items()):
            # The deal is not there: told elsewhere. A set that is said to be
            # older than the source's stands as it was.
            if target not in self.deals or any(
                    (i, "*") in self.told for i in of[rid]):
                continue
            a, b = self.of_deal(rid, of[rid])
            missing += a
            more += b
        return missing, more
