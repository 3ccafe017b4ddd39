"""Periodic jobs: what the calendar is made of, and how a service performs its part of it.

cron   what a row of the calendar may say      job    a row of the calendar      task   a job declared as an actor
times  when an expression was due, and will be
"""
