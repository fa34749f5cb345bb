"""Areas of interest (AOIs) and the ARD grid."""
