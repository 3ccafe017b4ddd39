"""Policies that users declare in a file of their own, see docs/cleanup.md.

file     reads the file           policy  what it says             cleaner  what every kind of policy can do
catalog  what a database has      tables  deletes or archives rows  archive  files of rows, and what became of them
keys     removes Redis keys       files   removes files             upkeep   VACUUM, ANALYZE
runner   runs what is due         restore puts archived rows back   report   sizes, bloat, and what to do
"""
