"""The contract between all processes: what a notification, a recipient and a bell are, as schemas.

Each module holds a frozen dataclass and the marshmallow schema that loads and dumps it. A schema tolerates
fields it does not know when it reads what another version wrote (see `stored`), so that version N is readable
by N-1 and N+1 during a rolling deploy; what callers send is checked strictly.
"""
