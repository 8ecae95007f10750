package main

// Main is the command. The tests run it in processes of their own.
func Main() { main() }
