"""The simulated admin: carries out the checklist in the screens of the
simulated Freshsales, one item after the other."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent /
                       "support"))
from bench import Failure  # noqa: E402

# What must be there before what.
ORDER = ["user", "currency", "lead_source", "deal_type", "lifecycle_stage",
         "lead_stage", "contact_status", "pipeline", "stage", "field",
         "choice", "sales_activity_type", "custom_module"]
LISTS = {"sales_activity_type": "sales_activity_types",
         "lead_source": "lead_sources", "deal_type": "deal_types",
         "lifecycle_stage": "lifecycle_stages", "lead_stage": "lead_stages"}


class Admin:
    def __init__(self, sim):
        self.sim = sim

    def selectors(self):
        return self.sim.get("/sim/tenant")["selectors"]

    def entry(self, selector, key, value):
        for e in self.selectors().get(selector, []):
            if e.get(key) == value:
                return e
        raise Failure("the target has no %s %r" % (selector, value))

    def administrator(self):
        """The user whose key the services have, or the first active one."""
        tenant = self.sim.get("/sim/tenant")
        active = [u["id"] for u in tenant["selectors"]["users"]
                  if u.get("is_active")]
        key = tenant.get("api_user_id")
        return key if key in active else active[0]

    def create(self, what, body):
        self.sim.post("/sim/admin/" + what, body)

    def carry_out(self, items):
        """Creates what is missing; the number of items done."""
        missing = [i for i in items if i["status"] == "missing"]
        for item in missing:
            if item["kind"] not in ORDER:
                raise Failure("the checklist asks for a %s (%s): nobody knows "
                              "how to create one" % (item["kind"],
                                                     item["name"]))
        for item in sorted(missing, key=lambda i: ORDER.index(i["kind"])):
            getattr(self, "add_" + item["kind"], self.add_entry)(item)
        return len(missing)

    def add_entry(self, item):
        selector = LISTS[item["kind"]]
        n = len(self.selectors().get(selector, []))
        body = {"name": item["name"], "position": n + 1}
        if selector == "lifecycle_stages":
            body.update(disabled=False, default=False, type=item["name"],
                        contact_status_ids=[])
        self.create(selector, body)

    def add_custom_module(self, item):
        body = {k: item[k] for k in ("singular_name", "plural_name", "fields")}
        self.create("custom_modules", dict(body, entity_name=item["entity"]))

    def add_contact_status(self, item):
        stage = self.entry("lifecycle_stages", "name", item["entity"])
        n = sum(s.get("lifecycle_stage_id") == stage["id"]
                for s in self.selectors().get("contact_statuses", []))
        self.create("contact_statuses", {
            "name": item["name"], "position": n + 1, "forecast_type": "Open",
            "lifecycle_stage_id": stage["id"]})

    def add_user(self, item):
        self.create("users", {"display_name": item.get("label", item["name"]),
                              "email": item.get("email", item["name"])})

    def add_currency(self, item):
        if item["detail"] == "activate":
            have = self.entry("currencies", "currency_code", item["code"])
            self.sim.post("/sim/admin/currencies/%d" % have["id"],
                          {"is_active": True}, method="PUT")
            return
        self.create("currencies", {
            "currency_code": item["code"], "exchange_rate": "1.0",
            "currency_type": 2, "schedule_info": None})

    def add_pipeline(self, item):
        self.create("pipelines", {"name": item["name"],
                                  "stages": item["stages"]})

    def add_stage(self, item):
        pipeline = self.entry("deal_pipelines", "name", item["pipeline"])
        self.create("stages", {
            "name": item["name"], "deal_pipeline_id": pipeline["id"],
            "position": item["position"], "probability": item["probability"],
            "forecast_type": item["forecast_type"]})

    def add_field(self, item):
        """The product makes the name out of the label."""
        body = {"label": item["label"], "type": item["type"]}
        if "choices" in item:
            body["choices"] = item["choices"]
        self.create("fields/" + item["entity"], body)

    def add_choice(self, item):
        self.sim.post("/sim/admin/fields/%s/%s" % (item["entity"],
                                                   item["name"]),
                      {"add_choices": item["choices"]}, method="PUT")
