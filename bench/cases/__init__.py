"""One benchmark a file: SUMMARY, and run(options) which yields rows. Nothing else has to be edited to add one."""
