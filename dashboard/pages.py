"""The pages by their names in an address, in the order in which they are listed."""

PAGES = (
    "today", "map", "compound", "trends", "deliberation", "organizations", "actions", "capital",
    "briefing", "data", "quality", "methods",
)  # fmt: skip
# For whoever administers the store.
ADMIN_PAGES = ("audit",)
