"""Schedules: notifications sent at a moment, at intervals or by cron.

triggers    when: data, and the next time after a moment        cron     expressions, as cron means them
fields      what a caller may say, as schemas                   misfires what becomes of times that were missed
book        make, look at, pause and resume schedules           firing   what a relay does every second
"""
