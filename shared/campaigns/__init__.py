"""Campaigns: one notification to each person of a list, as fast as is wanted, and stopped whenever somebody says so.

fields.py     what a caller may say of a campaign
uploads.py    audiences from files
people.py     what makes a row one person
typed.py      the text of a file's cells as the values a template wants
moments.py    when whose turn is, on the clocks of the recipients
pace.py       how many messages in what time
book.py       campaigns made, tried, released, shown

The service that does the work is `services/campaigns`; the rows are `shared/ledger/{audiences,campaigns}.py`.
"""
